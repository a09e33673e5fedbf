"""`slipway fleet show`: one device."""

from datetime import UTC, datetime

import typer

from slipway.platform.cli.output import Json, print_fields, print_json
from slipway.serving.fleet.cli.arguments import Device, ago, day_and_time, open_client

app = typer.Typer(add_completion=False)


@app.command()
def show(device: Device, *, json: Json = False) -> None:
    """Show what a device is, what it runs and why, and when it was last heard."""
    found = open_client().get(f"/v1/devices/{device}")
    if json:
        print_json(found)
        return
    silent = ", silent" if found["silent"] else ""
    fields = {
        "device": found["id"],
        "class": found["device_class"],
        "site": found["site"] or "-",
        "cohorts": ", ".join(found["cohorts"]) or "-",
        "follows": ", ".join(found["models"]),
        "enrolled": day_and_time(found["enrolled_at"]),
        "heard": f"{ago(found['heard_at'], datetime.now(UTC))}{silent}",
        "agent": found["agent"] or "-",
        "clock": f"{found['clock_s']:+.1f} s",
        "still to tell": f"{found['left']} bytes",
    }
    if found["revoked_at"]:
        fields["revoked"] = day_and_time(found["revoked_at"])
    for one in found["running"]:
        name = one["model"]
        since = day_and_time(one["since"])
        fields[name] = f"release {one['release'] or '-'}, {one['phase']}, {one['provider'] or '-'}, since {since}"
        for what in ("coming", "shadow"):
            if one[what]:
                fields[f"{name} {what}"] = f"release {one[what]}"
        if one["bad"]:
            fields[f"{name} failed here"] = ", ".join(map(str, one["bad"]))
        if one["why"]:
            fields[f"{name} why"] = one["why"]
    fields |= {f"camera {stream}": state for stream, state in sorted(found["streams"].items())}
    print_fields(fields)
