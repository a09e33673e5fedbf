"""`slipway channel init` and `sign`: beginning a channel, and adding signatures to what waits for them."""

from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change, load_settings

if TYPE_CHECKING:
    from slipway.serving.release.agreeing import Request
    from slipway.serving.release.founding import Founded
    from slipway.serving.release.tuf_repository import TufRepository

app = typer.Typer(add_completion=False)


@app.command()
def init(
    *,
    holder: Annotated[
        list[str] | None,
        typer.Option("--holder", metavar="ROLE=NAME", help="Who holds a role, instead of all who may; repeatable."),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Begin a channel: say whose keys devices trust for what, and sign that as far as the keys here allow.

    Where others must sign, too, it waits for them in the channel's store, and they run `slipway channel sign`. Run
    again it changes nothing that stands.
    """
    from slipway.platform.registry.desk import Desk
    from slipway.serving.release import founding
    from slipway.serving.release.opening import open_repository

    loaded = load_settings()
    named = founding.holders_named(holder or [])
    repository = open_repository(Desk.of(loaded))
    if dry_run:
        if json:
            there, lines = repository.exists(), founding.planned(repository, named)
            print_json({"channel": repository.store.url, "was_there": there, "holders": lines})
            return
        say(f"This would begin a channel at {repository.store.url}, or go on with one. Nothing was changed.")
        for line in founding.planned(repository, named):
            typer.echo(line)
        return
    confirm_change(loaded, f"begin a channel at {repository.store.url}", yes)
    _tell(founding.found(repository, named), json=json)


@app.command()
def sign(
    *,
    discard: Annotated[
        bool, typer.Option("--discard", help="Forget the drafts that wait, instead of signing them.")
    ] = False,
    unknown: Annotated[
        str,
        typer.Option(
            "--unknown-releases",
            metavar="ask|drop|keep",
            help="Releases that the former key of models listed and the ledger does not know.",
        ),
    ] = "ask",
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Say what waits for signatures, and sign it with the keys that are here.

    Who is needed for it is said by `slipway channel status`, too. What was signed by enough is shown to devices.
    """
    from slipway.platform.registry.desk import Desk
    from slipway.serving.release import agreeing
    from slipway.serving.release.inspecting import state_of
    from slipway.serving.release.opening import open_repository
    from slipway.serving.release.reviewing import unknown_named

    desk = Desk.of(load_settings())
    repository = open_repository(desk)
    if discard:
        _discard(repository, dry_run=dry_run, yes=yes)
        return
    found = agreeing.requests(repository, desk, unknown_named(unknown))
    if not found:
        state_of(repository)  # where there is no channel, that is what is wrong
    _describe(found)
    mine = tuple(one for one in found if one.signers)
    if dry_run:
        say("Nothing was signed.")
        raise typer.Exit(1 if any(one.problems for one in mine) else 0)
    if mine:
        what = " and ".join(f"`{one.role}` {one.version}" for one in mine)
        confirm_change(desk.loaded, f"sign {what}", yes)
    waits = agreeing.waits_told(agreeing.sign(repository, mine), repository.people)
    signed = [{"role": one.role, "version": one.version, "by": list(one.names)} for one in mine]
    if json:
        print_json({"signed": signed, "waits": list(waits)})
        return
    for one in mine:
        typer.echo(f"`{one.role}` {one.version} is signed by {' and '.join(one.names)}.")
    for line in waits:
        typer.echo(line)
    if not mine:
        say("Nothing was signed: nothing waits for a key that is here.")


def _discard(repository: "TufRepository", *, dry_run: bool, yes: bool) -> None:
    from slipway.serving.release import agreeing
    from slipway.serving.release.inspecting import drafts_in
    from slipway.serving.release.tuf_state import read_state

    state = read_state(repository.bench.files)
    drafts = [(one.role, one.version) for one in drafts_in(repository, state)]
    drafts += agreeing.senseless_drafts(repository, state)
    names = " and ".join(f"`{role}` {version}" for role, version in drafts)
    if not drafts:
        say("No draft waits.")
    elif dry_run:
        say(f"This would forget the drafts of {names} with their signatures. Nothing was changed.")
    else:
        confirm_change(load_settings(), f"forget the drafts of {names}", yes)
        for name in agreeing.discard(repository):
            typer.echo(f"The draft of {name} is forgotten.")


def _describe(found: "tuple[Request, ...]") -> None:
    """What waits, in words."""
    for one in found:
        say(f"`{one.role}` {one.version} says:")
        for line in one.lines:
            say(f"  {line}")
        for line in one.problems:
            say(f"  NOT TO BE SIGNED: {line}")


def _tell(done: "Founded", *, json: bool) -> None:
    if json:
        print_json({"channel": done.place, "was_there": done.was_there, "whole": done.whole, "waits": list(done.waits)})
        return
    if done.was_there:
        typer.echo(f"There is a channel at {done.place}. Nothing was changed.")
    elif done.whole:
        typer.echo(f"The channel at {done.place} is whole: devices can follow it.")
    else:
        typer.echo(f"The channel at {done.place} is begun. Devices see it once the others have signed.")
    for line in done.waits:
        typer.echo(line)
    if done.whole and not done.was_there:
        say("`slipway channel status` prints what devices are enrolled with; `slipway channel keepalive` renews it.")
