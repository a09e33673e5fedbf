"""`slipway fleet revoke`: a device that is believed nothing more."""

from typing import Annotated

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change
from slipway.serving.fleet.cli.arguments import Device

app = typer.Typer(add_completion=False)


@app.command()
def revoke(
    device: Device,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the device's history.")],
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Refuse all that a device says from now on. It takes the role operator.

    What it runs it goes on running: it follows the channel, which is open to everybody. It comes back with a token that
    is bound to its id.
    """
    from slipway.platform.cli.session import load_settings
    from slipway.serving.fleet.cli.client import FleetClient

    loaded = load_settings()
    client = FleetClient.of(loaded)
    if dry_run:
        found = client.get(f"/v1/devices/{device}")
        if json:
            print_json({"device": device, "changed": found["revoked_at"] is None, "dry_run": True})
        else:
            before = found["revoked_at"] is not None
            say(f"{device} was revoked before." if before else f"This would revoke {device}. Nothing was changed.")
        return
    confirm_change(loaded, f"revoke the device {device}", yes)
    changed = client.post(f"/v1/devices/{device}/revoke", {"reason": reason})["changed"]
    if json:
        print_json({"device": device, "changed": changed})
    else:
        typer.echo(f"{device} is revoked." if changed else f"{device} was revoked before. Nothing was changed.")
