"""`slipway local`: MLflow, Airflow and a small fleet on this machine, with one command."""

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_json, print_table, say
from slipway.platform.cli.session import current_folder
from slipway.platform.errors import SlipwayError, WrongUse

if TYPE_CHECKING:
    from slipway.pipelines.local.place import Place
    from slipway.pipelines.local.standing import ComponentStanding, Standing

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="MLflow, Airflow and a small fleet on this machine, as one stack."
)

Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="PARTS", help="Of mlflow, airflow and fleet; several with commas."),
]
MEBIBYTE: Final = 1024 * 1024


@app.command()
def up(
    *,
    only: Only = None,
    agents: Annotated[int, typer.Option("--agents", metavar="N", min=0, help="Devices of the fleet, up to 12.")] = 3,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Come back when all is healthy, and leave it running.")
    ] = False,
) -> None:
    """Start the stack, and keep it running until Ctrl-C, or until `slipway local down` with --detach.

    Keys, people and a channel are made where there are none. What ends is started again. While the stack runs, the
    context `local` uses its servers. Where a stack runs already, this waits until it is healthy and says where it is.
    """
    from slipway.pipelines.local.choosing import Request
    from slipway.pipelines.local.opening import Opening
    from slipway.pipelines.local.starting import NotStarted, start

    place = here()
    request = Request.of(only or (), agents)
    started_at = time.monotonic()
    started = start(place, Opening(place, request, who(), say), detached=detach, tell=say)
    if missing := request.missing(started.standing.only):
        raise NotStarted(
            f"The stack that runs has {', '.join(started.standing.only)}, and not {', '.join(missing)}.",
            mend="slipway local down; then start it with what you need.",
        )
    say(f"All is {started.standing.word} after {time.monotonic() - started_at:.0f} s.")
    addresses(started.standing)
    context_remark(place)
    if started.hold is None:
        say("It stays: `slipway local status` tells how it is, `slipway local down` stops it.")
        return
    say("Ctrl-C stops it.")
    watch(place)


def watch(place: "Place") -> None:
    """Tell what changes until somebody stops it, here or elsewhere."""
    import signal

    from slipway.pipelines.local.following import Following
    from slipway.pipelines.local.stopping import stop_by_hand

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as with nohup
            signal.signal(number, signal.default_int_handler)
    try:
        last = Following(place, say).knowing().until(lambda _: False)
    except KeyboardInterrupt:
        stop_by_hand(place, say)
        last = None
    if last and not last.ended:
        raise SlipwayError("The stack's supervisor was killed. Nothing of it is left.", mend="slipway local up")
    say("Stopped.")


@app.command()
def down(
    *,
    purge: Annotated[
        bool, typer.Option("--purge", help="Also remove the stack's own state; the project's records stay.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Stop the stack. Afterwards no process of it is left.

    --purge also removes `.slipway/local`: Airflow's database and logs, the devices, passwords and ports. Store, ledger,
    MLflow's record, channel, people and keys are the project's and stay.
    """
    from slipway.pipelines.local import stopping

    place = here()
    if dry_run:
        say(f"This would {what_down_does(place, purge=purge)}. Nothing was changed.")
        return
    if purge and not yes:
        confirm_purge(place)
    was = stopping.stop(place, say)
    say("Stopped." if was else "No stack of this project runs.")
    if purge and place.folder.exists():
        size = stopping.size(place)
        stopping.purge(place)
        say(f"Removed {place.folder} ({size / MEBIBYTE:.0f} MB).")


def what_down_does(place: "Place", *, purge: bool) -> str:
    """In words."""
    from slipway.pipelines.local import standing
    from slipway.pipelines.local.stopping import size

    stops = "stop the stack" if place.folder.exists() and standing.runs(place) else "stop nothing"
    about = (
        f"remove {place.folder} ({size(place) / MEBIBYTE:.0f} MB) with Airflow's runs, the devices and all passwords"
    )
    return f"{stops} and {about}" if purge else stops


def confirm_purge(place: "Place") -> None:
    """A person agrees, or nothing happens."""
    from slipway.platform.cli.session import NotConfirmed

    what = what_down_does(place, purge=True)
    if not sys.stdin.isatty():
        raise WrongUse(f"Nobody can be asked here. This would {what}.", mend="Add --yes to do it without being asked.")
    if not typer.confirm(f"Really {what}?", err=True):
        raise NotConfirmed("Nothing was changed.")


@app.command()
def status(*, json: Json = False) -> None:
    """Say how the stack is: each component's state, process, memory, uptime, restarts, address.

    The exit code is 0 when all is healthy, else 1.
    """
    from slipway.pipelines.local import processes, standing

    place = here()
    now = standing.read(place) if place.folder.exists() else None
    if not standing.runs(place):
        left = processes.of_stack(place.name) if place.folder.exists() else []
        if json:
            print_json({"stack": "stopped", "left_behind": [one.pid for one in left], "components": []})
        else:
            typer.echo("No stack of this project runs.")
        if left:
            say(f"{len(left)} processes of one that was killed are left; `slipway local down` ends them.")
        raise typer.Exit(1)
    if now is None:
        raise SlipwayError(f"The stack is being started by process {standing.holder(place)}.", mend="Ask again soon.")
    described = [described_component(one) for one in now.components]
    if json:
        print_json({"stack": now.word, "by": now.by, "supervisor": now.supervisor, "components": described})
    else:
        show(now, described)
    raise typer.Exit(0 if now.healthy else 1)


def described_component(one: "ComponentStanding") -> dict[str, object]:
    """One as data."""
    from slipway.pipelines.local import processes

    return {
        "name": one.name,
        "part": one.group,
        "state": str(one.phase),
        "pid": one.pid or None,
        "memory_mb": round(processes.memory(one.pid) / MEBIBYTE) if one.pid else None,
        "uptime_seconds": round(time.time() - one.since) if one.pid else None,
        "restarts": one.restarts,
        "address": one.address or None,
        "why": one.why or None,
    }


def show(now: "Standing", described: list[dict[str, object]]) -> None:
    """The same for people."""
    from slipway.platform.telling import duration

    rows = [
        [
            str(one["name"]),
            str(one["state"]),
            str(one["pid"] or ""),
            f"{one['memory_mb']} MB" if one["memory_mb"] is not None else "",
            duration(float(str(one["uptime_seconds"]))) if one["uptime_seconds"] is not None else "",
            str(one["restarts"]),
            str(one["address"] or one["why"] or ""),
        ]
        for one in described
    ]
    print_table(("component", "state", "pid", "memory", "uptime", "restarts", "where"), rows)
    total = sum(int(str(one["memory_mb"] or 0)) for one in described)
    say(f"The stack is {now.word}, {total} MB together, started by {now.by}.")


@app.command(name="open")
def open_page(
    what: Annotated[str, typer.Argument(metavar="PAGE", help="airflow, mlflow or console.")],
) -> None:
    """Print a page's address, and open it in a browser where there is a terminal and a browser."""
    from slipway.pipelines.local import standing
    from slipway.platform.names import suggestion

    place = here()
    now = standing.read(place)
    if now is None or not standing.runs(place):
        raise SlipwayError("No stack of this project runs.", mend="slipway local up")
    found = pages(now)
    if what not in found:
        raise WrongUse(f"This stack has no page `{what}`.", mend=suggestion(what, found))
    address = begun_session(place) if what == "console" else found[what]
    typer.echo(address)
    if sys.stdout.isatty() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        import webbrowser

        webbrowser.open(address)


def pages(now: "Standing") -> dict[str, str]:
    """What people call them, and where they are."""
    called = {"airflow-api": "airflow", "fleet": "console"}
    return {called.get(one.name, one.name): one.address for one in now.components if one.address}


def begun_session(place: "Place") -> str:
    """An address that works once and begins a session of the person at this machine."""
    from slipway.pipelines.local.fleet import console
    from slipway.pipelines.local.place import CONTEXT, STACKS_CONTEXT
    from slipway.platform.settings import load

    return console(load(place.root, {**place.outside, CONTEXT: STACKS_CONTEXT}))


def addresses(now: "Standing") -> None:
    """Where everything is."""
    print_table(("page", "address"), [[page, address] for page, address in pages(now).items()])


def context_remark(place: "Place") -> None:
    """Commands use the stack in its own context only."""
    from slipway.pipelines.local.place import STACKS_CONTEXT
    from slipway.platform.settings import load

    loaded = load(place.root, place.outside)
    if loaded.context != STACKS_CONTEXT:
        say(f"Commands here use the context `{loaded.context}`; add --context {STACKS_CONTEXT} to use the stack.")


def here() -> "Place":
    """The stack of the project that this was started in."""
    from slipway.pipelines.local.place import Place
    from slipway.platform.settings.files import project_root

    return Place(project_root(current_folder()), dict(os.environ))


def who() -> str:
    """Who starts it."""
    import getpass

    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"user {os.getuid()}"
    return f"{name}, process {os.getpid()}"
