"""What `slipway fleet pin` and `slipway freeze` share: each is one entry, which the channel then follows."""

from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.output import print_json
from slipway.platform.cli.session import confirm_change
from slipway.serving.release.cli.arguments import channel_data, tell_channel, tell_dry

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk
    from slipway.serving.release.moving import Move

Until = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="T", help="A moment with its zone, 2026-12-24T08:00+01:00, or a span: 24h, 7d; at most 90d."
    ),
]


def hold(
    desk: "Desk", model: str, wanted: "Move", why: tuple[str, str | None], *, dry_run: bool, yes: bool, json: bool
) -> None:
    """Decide a pin or a freeze, and tell what became of it; no model is all of them."""
    from slipway.platform.cli.data.meter import meter
    from slipway.platform.errors import WrongUse
    from slipway.serving.release.folding import load_rollout
    from slipway.serving.release.moving import move, outlook
    from slipway.serving.release.opening import open_repository
    from slipway.serving.release.wording import hold as hold_told

    reason, request = why
    if not reason.strip():
        raise WrongUse("A pin and a freeze take a reason, also to end them.", mend='--reason "…"')
    name = model or "everything"
    if dry_run:
        found = outlook(desk, load_rollout(desk, model)[0], wanted, request)
        told = {"model": model, "action": wanted.action.value}
        tell_dry(told, f"{wanted.words} {name}", found, json=json)
        return
    confirm_change(desk.loaded, f"{wanted.words} {name}", yes)
    with meter() as shown:
        done = move(
            desk, open_repository(desk), model, wanted, reason=reason, request=request, told=shown.note, meter=shown
        )
    decision, number = done.written.entry.decision, done.written.entry.number
    if json:
        print_json(
            {
                "entry": number,
                "before": done.before,
                "models": [{"model": one.model, **channel_data(one)} for one in done.shown],
            }
        )
        return
    typer.echo(f"{hold_told(decision)}{', already' * done.before}: entry {number}.")
    for one in done.shown:
        tell_channel(one)
