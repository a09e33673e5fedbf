"""`slipway channel status` and `verify`: how a channel stands, and whether it is what was signed."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import typer

from slipway.platform.cli.output import Json, print_fields, print_json, print_table, say
from slipway.platform.cli.session import load_settings

if TYPE_CHECKING:
    from datetime import datetime

    from slipway.serving.channel.pointer import Named, Pointer
    from slipway.serving.channel.site import SitePointer
    from slipway.serving.release.inspecting import ChannelStanding, ModelStanding, RoleStanding, SiteStanding

app = typer.Typer(add_completion=False)

ROLES: Final = ("role", "version", "signed by", "good until", "days left", "half gone", "renewed by")
MODELS: Final = ("model", "sequence", "base", "target", "wave", "state")

SITES: Final = ("site", "sequence", "base", "target", "wave", "state")


@app.command()
def status(*, json: Json = False) -> None:
    """Show each role with who signed it, until when it is good, and who renews it; and what devices are told.

    Exit code 1 when something has ended, or was never signed by enough. Times are UTC.
    """
    from datetime import UTC, datetime

    from slipway.serving.release.agreeing import waits_told
    from slipway.serving.release.inspecting import standing_of
    from slipway.serving.release.tuf_repository import TufRepository

    loaded = load_settings()
    repository, public = TufRepository.open(loaded), loaded.settings.channel.public_url
    standing = standing_of(repository)
    now = datetime.now(UTC)
    waits = waits_told(standing.waiting, repository.people)
    if json:
        print_json(as_data(standing, now) | {"public_url": public, "waits": list(waits)})
    else:
        first = f"sha256 {standing.first_root}" if standing.first_root else "waits for signatures"
        given = {"devices get it at": public} if public else {}
        print_fields({"channel": standing.place, **given, "first root": first})
        if standing.roles:
            typer.echo("")
            print_table(ROLES, [_role_row(one, now) for one in standing.roles])
        if standing.models:
            typer.echo("")
            print_table(MODELS, [_model_row(one) for one in standing.models])
        if standing.sites:
            typer.echo("")
            print_table(SITES, [_site_row(one) for one in standing.sites])
        _remark(standing, now, waits)
    raise typer.Exit(1 if not standing.whole or any(one.over(now) for one in standing.roles) else 0)


@app.command()
def verify(*, json: Json = False) -> None:
    """Read everything that a device could read from the channel, and name all that is wrong with it."""
    from datetime import UTC, datetime

    from slipway.platform.cli.data.meter import meter
    from slipway.serving.release.checking import problems
    from slipway.serving.release.remembering import went_back
    from slipway.serving.release.tuf_files import BadChannel
    from slipway.serving.release.tuf_repository import TufRepository
    from slipway.serving.release.tuf_state import read_state

    loaded = load_settings()
    repository = TufRepository.open(loaded)
    with meter() as shown:
        found = list(problems(repository, now=datetime.now(UTC), meter=shown))
        with suppress(BadChannel):
            state = read_state(repository.bench.files)
            found += went_back(loaded, state) if state else ()
    if json:
        print_json({"channel": repository.store.url, "ok": not found, "problems": found})
    else:
        for problem in found:
            typer.echo(problem)
        if not found:
            typer.echo(f"The channel at {repository.store.url} is what was signed, and all of it is there.")
    raise typer.Exit(1 if found else 0)


def as_data(standing: "ChannelStanding", now: "datetime") -> dict[str, Any]:
    """The standing for scripts."""
    roles = [
        {
            "role": one.role,
            "version": one.version,
            "signed_by": list(one.signed_by),
            "holders": list(one.holders),
            "threshold": one.threshold,
            "good_until": one.good_until,
            "half_gone": one.late(now),
            "ended": one.over(now),
            "renewable_here": one.here,
            "not_shown_yet": one.newer,
        }
        for one in standing.roles
    ]
    models = [one.pointer.model_dump(mode="json") | {"shown": one.shown} for one in standing.models]
    return {
        "channel": standing.place,
        "first_root": standing.first_root,
        "whole": standing.whole,
        "roles": roles,
        "models": models,
        "sites": [one.pointer.model_dump(mode="json") | {"shown": one.shown} for one in standing.sites],
        "remarks": list(standing.remarks),
    }


def _role_row(one: "RoleStanding", now: "datetime") -> list[str]:
    left = one.left(now)
    who = " or ".join(one.holders) if one.threshold == 1 else f"{one.threshold} of {', '.join(one.holders)}"
    return [
        one.role,
        f"{one.version} ({one.newer} signed)" if one.newer else str(one.version),
        ", ".join(one.signed_by),
        f"{one.good_until:%Y-%m-%d %H:%M}",
        "ended" if one.over(now) else str(left.days),
        "yes" if one.late(now) else "no",
        f"{who}{' (here)' if one.here else ''}",
    ]


def _model_row(one: "ModelStanding") -> list[str]:
    pointer = one.pointer
    state = "paused" if pointer.paused else "goes on" if pointer.target else "settled"
    return [
        pointer.model,
        str(pointer.sequence),
        _named(pointer.base),
        _named(pointer.target),
        _wave(pointer),
        state if one.shown else f"{state}, not shown yet",
    ]


def _site_row(one: "SiteStanding") -> list[str]:
    pointer = one.pointer
    state = "goes on" if pointer.target else "settled"
    return [
        pointer.site,
        str(pointer.sequence),
        *(f"configuration {part.number}" if part else "-" for part in (pointer.base, pointer.target)),
        _wave(pointer),
        state if one.shown else f"{state}, not shown yet",
    ]


def _named(named: "Named | None") -> str:
    return f"release {named.number} ({named.bundle[:12]})" if named else "-"


def _wave(pointer: "Pointer | SitePointer") -> str:
    if pointer.target is None:
        return "-"
    cohort = f" of {pointer.wave.cohort}" if pointer.wave.cohort else ""
    return f"{pointer.wave.share:g} %{cohort}"


def _remark(standing: "ChannelStanding", now: "datetime", waits: tuple[str, ...]) -> None:
    for line in (*waits, *standing.remarks):
        say(line)
    for one in standing.roles:
        who = "here" if one.here else f"by {' or '.join(one.holders)}"
        if one.over(now):
            say(f"`{one.role}` has ended: devices install nothing. `slipway channel keepalive`, {who}.")
        elif one.late(now):
            say(f"Half of the life of `{one.role}` is gone: `slipway channel keepalive`, {who}.")
    if not standing.whole:
        say("Devices see nothing yet: not everything was signed.")
