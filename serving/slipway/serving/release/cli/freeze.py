"""`slipway freeze`: a time in which nothing is begun with."""

from typing import Annotated

import typer

from slipway.platform.cli.model.arguments import model_names, open_desk
from slipway.platform.cli.output import DryRun, Json, Yes
from slipway.serving.release.cli.arguments import Reason, Request
from slipway.serving.release.cli.holding import Until, hold

app = typer.Typer(add_completion=False)


@app.command()
def freeze(  # noqa: PLR0913 - options, which people write by name
    model: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="Only this model; else all of them.", autocompletion=model_names),
    ] = None,
    *,
    until: Until = None,
    lift: Annotated[bool, typer.Option("--lift", help="End a freeze before its time.")] = False,
    reason: Reason,
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Begin nothing until a moment: no start, no advance and no resumption counts that is decided meanwhile.

    Pausing, undoing, pins and samples stay possible. It takes the role operator, releaser or on-call.
    """
    from slipway.platform.errors import WrongUse
    from slipway.serving.release.asking import until_asked
    from slipway.serving.release.folding import known_rollout
    from slipway.serving.release.moving import freezing, lifting

    if lift == (until is not None):
        raise WrongUse(
            "Expected either --until or --lift.",
            mend="`slipway freeze --until 24h --reason …`, or `--lift --reason …`.",
        )
    desk = open_desk()
    wanted = lifting() if until is None else freezing(until_asked(until, desk.now()))
    name = known_rollout(desk, model)[0].model if model else ""
    hold(desk, name, wanted, (reason, request), dry_run=dry_run, yes=yes, json=json)
