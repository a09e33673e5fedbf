"""`slipway cancel`: no longer want a run, or end it."""

from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.jobs.arguments import Run, open_desk
from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change

if TYPE_CHECKING:
    from slipway.platform.jobs.cancelling import Cancelled

app = typer.Typer(add_completion=False)


@app.command()
def cancel(
    run: Run,
    *,
    for_all: Annotated[bool, typer.Option("--for-all", help="End it also when others want it.")] = False,
    why: Annotated[str, typer.Option(help="A reason that is kept.")] = "",
    dry_run: DryRun = False,
    json: Json = False,
    yes: Yes = False,
) -> None:
    """Cancel a run. It keeps its last checkpoint.

    Others want it who submitted the same. It then goes on, and you are only detached from it; but it ends for all
    when you made its last attempt (`slipway show RUN` says who did), or say --for-all.
    """
    from slipway.platform.jobs import cancelling

    desk = open_desk()
    if not dry_run:
        confirm_change(desk.loaded, f"cancel {run}", yes)

    class Noted:
        def note(self, text: str) -> None:
            say(text)

        def progress(self, told: object, remark: str) -> None:
            """Nothing."""

    done = cancelling.cancel(
        run, desk.person, desk.loaded, for_all=for_all, why=why, dry_run=dry_run, watcher=Noted(), store=desk.store
    )
    if json:
        print_json(_data(done))
        return
    also = f" {', '.join(done.others)} {'wants' if len(done.others) == 1 else 'want'} it too." if done.others else ""
    foretold = {"cancelled": f"It would be ended.{also}", "detached": f"You would be detached: {done.words}"}
    typer.echo(foretold.get(done.how, done.words) if dry_run else done.words)
    if done.others and done.how != "cancelled":
        say("--for-all ends it for everybody.")


def _data(done: "Cancelled") -> dict[str, object]:
    return {
        "how": done.how,
        "key": done.key,
        "state": done.standing.state,
        "others": list(done.others),
        "words": done.words,
    }
