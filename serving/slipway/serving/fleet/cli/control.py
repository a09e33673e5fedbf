"""`slipway fleet control`: lead rollouts by their plans, once or for good."""

import logging
import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.alive import Alive, touch
from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from slipway.platform.registry.desk import Desk
    from slipway.serving.fleet.controller.gathering import Gatherer
    from slipway.serving.fleet.controller.leading import Led
    from slipway.serving.fleet.store.store import FleetStore

app = typer.Typer(add_completion=False)
log = logging.getLogger(__name__)


@app.command()
def control(
    *,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    every: Annotated[float, typer.Option("--every", min=0.1, metavar="SECONDS", help="How often to look.")] = 60.0,
    alive: Alive = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Lead every rollout that has a plan: on to the next wave, to a pause, or back. It takes the role rollout-service.

    It reads the ledger, the channel and the fleet store, judges what devices of a wave did against the rest, and writes
    what follows into the ledger. It keeps nothing of its own: killed at any moment, or run twice at once, it decides
    everything once. It never lets a rollout go on that a person paused. Where notices.urls names somebody, it sends
    notices, too, but not with --once. With --once, exit code 1 says that a model could not be led, or devices are not
    told yet.
    """
    from slipway.serving.fleet.controller.gathering import Gatherer

    loaded = load_settings()
    if not dry_run:
        confirm_change(loaded, "lead rollouts by their plans", yes)
    with open_store() as store:
        gatherer = Gatherer(store, zones)
        if once or dry_run:
            failed = [bool(one.waits) for one in _tell(_looks(store, gatherer, dry_run=dry_run), json=json)]
            raise typer.Exit(1 if any(failed) else 0)
        _go_on(store, gatherer, every, alive, json=json)


def open_store() -> "FleetStore":
    """The fleet store of the settings, which must be there: only the service begins one."""
    from pathlib import Path

    from slipway.platform.errors import WrongUse
    from slipway.serving.fleet.store.opening import address
    from slipway.serving.fleet.store.store import FleetStore

    loaded = load_settings()
    url = address(loaded.settings.fleet.database, loaded.root)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise WrongUse(
            f"There is no fleet store at {url.database}.",
            mend="Run this where `slipway fleet serve` runs, or name its database by `SLIPWAY_FLEET__DATABASE`.",
        )
    return FleetStore.of(loaded)


def zones() -> dict[str, str]:
    """The time zone of each configured site, as the ledger has it now."""
    from slipway.serving.release.sites import load_sites

    return {name: site.newest.config.zone for name, site in load_sites(_desk()).items() if site.newest}


def _desk() -> "Desk":
    """Anew for each look, so that people who were trusted or revoked meanwhile are known."""
    from slipway.platform.registry.desk import Desk

    return Desk.of(load_settings())


def _looks(store: "FleetStore", gatherer: "Gatherer", *, dry_run: bool = False) -> "Iterator[Led]":
    """Each look, also for those who see the console."""
    from slipway.serving.fleet.controller import leading
    from slipway.serving.release.opening import open_repository

    desk = _desk()
    if dry_run:
        yield from leading.looked(desk, gatherer)
        return
    for one in leading.control(desk, lambda: open_repository(desk), gatherer):
        _note(store, one)
        yield one


def _note(store: "FleetStore", one: "Led") -> None:
    """For the console; that it cannot be written keeps nothing from being led."""
    from sqlalchemy.exc import SQLAlchemyError

    from slipway.serving.fleet.controller.leading import TROUBLE

    try:
        store.note_look(one.model, one.as_data())
    except (*TROUBLE, SQLAlchemyError) as error:
        log.warning("The console does not learn of this look: %s", error)


def _tell(found: "Iterator[Led]", *, json: bool) -> "list[Led]":
    told = []
    for one in found:
        told.append(one)
        if not json:
            typer.echo(one.line)
            if one.done:
                typer.echo(f"{one.model}: {one.done}: entry {one.entry}.")
    if json:
        print_json([one.as_data() for one in told])
    elif not told:
        say("No rollout has a plan. `slipway rollout start MODEL --plan FILE` begins one.")
    return told


def _go_on(store: "FleetStore", gatherer: "Gatherer", every: float, alive: "Path | None", *, json: bool) -> None:
    """Look again and again; what was said at the last look is not said again."""
    from slipway.serving.fleet.controller.leading import TROUBLE

    ended = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    say(f"Leading rollouts, a look every {every:g} s. Ctrl-C ends it.")
    said: dict[str, str] = {}
    sender = _send_notices(ended, every)
    try:
        while True:
            try:
                for one in _looks(store, gatherer):
                    _tell_news(one, said, json=json)
                said.pop("", None)
            except TROUBLE as error:
                if said.get("") != str(error):
                    say(f"{error} Trying again every {every:g} s.")
                said[""] = str(error)
            touch(alive)
            if ended.wait(every):
                return
    except KeyboardInterrupt:
        say("Ended.")
    finally:
        signal.signal(signal.SIGTERM, before)
        ended.set()
        if sender is not None:
            sender.join()


def _send_notices(ended: threading.Event, every: float) -> threading.Thread | None:
    """Beside it, where settings name somebody who hears of them."""
    from slipway.serving.fleet.notices.round import keep_on

    if not load_settings().settings.notices.urls:
        return None
    sender = threading.Thread(target=keep_on, args=(load_settings, ended, every), name="notices")
    sender.start()
    return sender


def _tell_news(one: "Led", said: dict[str, str], *, json: bool) -> None:
    """A change of mind, and all that was done."""
    what = f"{one.stage.wave.name} {one.judgement.what.value}" if one.stage and one.judgement else one.waits
    if one.done or said.get(one.model) != what:
        if json:
            print_json(one.as_data())
        else:
            typer.echo(one.line)
            if one.done:
                typer.echo(f"{one.model}: {one.done}: entry {one.entry}.")
    said[one.model] = what
