"""`slipway channel keepalive`: renewing what is due, once or for as long as it runs."""

import signal
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.platform.settings import Loaded
    from slipway.serving.release.keeping import Kept

app = typer.Typer(add_completion=False)


@app.command()
def keepalive(
    *,
    now: Annotated[bool, typer.Option("--now", help="Renew all whose keys are here, whatever is left of it.")] = False,
    every: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help="Look so often, and go on until it is ended.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Renew every role whose keys are here once half of its life is gone, and finish what a killed command left.

    It needs the keys and the channel, no Airflow and no database. Exit code 1 when a role is past half of its life and
    cannot be renewed here, where it says who must, or when the ledger cannot be followed. Where the key of `channels`
    is, also when devices of a model are not told what the ledger says because somebody else must sign first. Any number
    of these at once are harmless.
    """
    loaded = load_settings()
    if dry_run:
        raise typer.Exit(1 if _tell_due(loaded, now=now, json=json) else 0)
    confirm_change(loaded, "renew the channel's signatures", yes)
    if every is not None:
        _go_on(loaded, every, now=now, json=json)
        return
    kept = _keep(loaded, now=now)
    _tell(kept, json=json)
    raise typer.Exit(1 if kept.undone else 0)


def _keep(loaded: "Loaded", *, now: bool) -> "Kept":
    """One look."""
    from slipway.platform.cli.data.meter import meter
    from slipway.platform.registry.desk import Desk
    from slipway.serving.release.keeping import keep
    from slipway.serving.release.opening import open_repository

    desk = Desk.of(loaded)
    with meter() as shown:
        return keep(open_repository(desk), desk, now=now, told_of=shown.note, meter=shown)


def _go_on(loaded: "Loaded", every: float, *, now: bool, json: bool) -> None:
    """Look again and again; a channel that is away is told once, and again when it is back."""
    from slipway.serving.release.keeping import Trouble

    ended = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    say(f"Looking at the channel at {loaded.settings.channel.url} every {every:g} s. Ctrl-C ends it.")
    told = _Once(say)
    try:
        while True:
            try:
                kept = _keep(loaded, now=now)
                now = False  # once is enough
                told.well(f"The channel at {loaded.settings.channel.url} can be reached again.")
                _tell_changes(kept, told, json=json)
            except (*Trouble, OSError) as error:
                told.badly(f"{error} Trying again every {every:g} s.")
            if ended.wait(every):
                return
    finally:
        signal.signal(signal.SIGTERM, before)


class _Once:
    """Says a thing when it becomes true, not at each look."""

    def __init__(self, say: "Callable[[str], None]") -> None:
        self._say = say
        self._trouble = ""
        self._told: set[str] = set()

    def badly(self, text: str) -> None:
        """It did not work."""
        if text != self._trouble:
            self._say(text)
        self._trouble = text

    def well(self, text: str) -> None:
        """It works again."""
        if self._trouble:
            self._say(text)
        self._trouble = ""

    def all(self, texts: set[str]) -> None:
        """What holds now; what held before is known."""
        for text in sorted(texts - self._told):
            self._say(text)
        self._told = texts


def _tell_due(loaded: "Loaded", *, now: bool, json: bool) -> bool:
    """What would be renewed; whether something stays that is due and cannot be renewed here."""
    from datetime import UTC, datetime

    from slipway.serving.release.inspecting import standing_of
    from slipway.serving.release.keeping import due_in
    from slipway.serving.release.tuf_repository import TufRepository

    at = datetime.now(UTC)
    here, elsewhere = due_in(standing_of(TufRepository.open(loaded)), at, now=now)
    late = any(one.late(at) for one in elsewhere)
    if json:
        print_json({"would_renew": [one.role for one in here], "not_here": [one.role for one in elsewhere]})
        return late
    for one in here:
        typer.echo(f"`{one.role}` would be renewed.")
    for one in elsewhere:
        typer.echo(f"`{one.role}` is renewed by {' or '.join(one.holders)}, not here.")
    say("Nothing was changed." if here or elsewhere else "Nothing is due.")
    return late


def _tell(kept: "Kept", *, json: bool) -> None:
    if json:
        print_json(_data(kept))
        return
    changes = (*(_renewed(kept, role) for role in kept.renewed), *kept.done)
    for line in changes:
        typer.echo(line)
    for line in sorted(_lines(kept)):
        say(line)
    if not changes and not kept.undone and not kept.untold and not kept.untold_sites:
        typer.echo("Nothing is due.")


def _tell_changes(kept: "Kept", told: _Once, *, json: bool) -> None:
    """What a look changed, and what is new about what it could not."""
    import json as writer

    if json and (kept.renewed or kept.done):
        typer.echo(writer.dumps(_data(kept), ensure_ascii=False, default=str))
    elif not json:
        for line in (*(_renewed(kept, role) for role in kept.renewed), *kept.done):
            typer.echo(line)
    told.all(_lines(kept))


def _renewed(kept: "Kept", role: str) -> str:
    one = kept.standing.role(role)
    if one is None:
        return f"`{role}` is renewed."
    if one.newer is not None and one.newer_until is not None:
        return f"`{role}` {one.newer} is signed, good until {one.newer_until:%Y-%m-%d}; devices do not see it yet."
    return f"`{role}` {one.version} is good until {one.good_until:%Y-%m-%d}."


def _lines(kept: "Kept") -> set[str]:
    late = {
        f"Half of the life of `{one.role}` is gone (good until {one.good_until:%Y-%m-%d}), and "
        f"{' or '.join(one.holders)} must renew it: `slipway channel keepalive`, where that key is."
        for one in kept.late
    }
    untold = {f"Devices of {one.model} are not told what the ledger says. {one.waits}" for one in kept.untold}
    untold |= {
        f"Devices of the site {one.site} are not told what the ledger says. {one.waits}" for one in kept.untold_sites
    }
    return {*late, *untold, *kept.waits, *kept.remarks}


def _data(kept: "Kept") -> dict[str, Any]:
    return {
        "renewed": list(kept.renewed),
        "done": list(kept.done),
        "behind": kept.behind,
        "waits": list(kept.waits),
        "models": [{"model": one.model, "waits": one.waits} for one in kept.untold],
        "sites": [{"site": one.site, "waits": one.waits} for one in kept.untold_sites],
        "late": [{"role": one.role, "good_until": one.good_until, "holders": list(one.holders)} for one in kept.late],
        "remarks": list(kept.remarks),
    }
