"""The safest next command, by a few rules, each with its reason: what takes nothing further comes first.

A release that is on its way is taken back before anything is looked for; only where the release that everybody runs is
bad, and none is on its way, that one is undone. A silent site is looked at, as nothing that is decided would reach it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.platform.ledger.entry import Action
from slipway.serving.fleet.notices.failing import FAILING
from slipway.serving.fleet.notices.finding import APPROVAL, EXPIRY, SILENT, STOPPED
from slipway.serving.fleet.notices.notice import Notice, kind_of
from slipway.serving.release.rollouts import Released, Rollout


@dataclass(frozen=True)
class Advice:
    """What to type."""

    command: str
    why: str
    action: Action | None = None
    """What it writes into the ledger, which takes a role; None where it changes nothing."""


def advise(model: str | None, rollout: Rollout | None, notices: Sequence[Notice]) -> Advice:
    """For a model, or with None for a site or for everything; notices come with the weightiest first."""
    if model is not None and rollout is not None:
        about = [one for one in notices if one.model == model]
        found = _of_rollout(model, rollout, about)
        if found is not None:
            return found
    for one in notices:
        if kind_of(one.cause) in (SILENT, EXPIRY, FAILING, STOPPED):
            return Advice(one.command, one.title)
    if notices:
        return Advice(notices[0].command, notices[0].title)
    what = f" {model}" if model else ""
    return Advice(f"slipway rollout status{what}", "Nothing is known to be wrong: this shows where rollouts stand.")


def _of_rollout(model: str, rollout: Rollout, notices: Sequence[Notice]) -> Advice | None:
    bad = next((one for one in notices if kind_of(one.cause) == FAILING), None)
    target, base = rollout.target, rollout.base
    if target is not None:
        return _on_its_way(rollout, target, bad, notices)
    if base is None or bad is None:
        return None
    back = rollout.earlier(base.number)
    if back is None:
        return Advice(
            f"slipway rollout history {model}",
            f"{bad.title}, and there is no release to go back to: devices on which it fails keep what they ran before. "
            "A new version is the way out.",
        )
    return Advice(
        f'slipway rollback {model} --release {base.number} --reason "…"',
        f"{bad.title}. Release {back.number} (version {back.version}) was approved and ran everywhere before; a freeze "
        "holds no undo back.",
        Action.ROLLBACK,
    )


def _on_its_way(rollout: Rollout, target: Released, bad: Notice | None, notices: Sequence[Notice]) -> Advice | None:
    model = rollout.model
    stopped = next((one for one in notices if kind_of(one.cause) == STOPPED), None)
    if bad is not None and rollout.earlier(target.number) is not None:
        return Advice(
            f'slipway rollback {model} --release {target.number} --reason "…"',
            f"{bad.title}, and it is on its way to more devices. Those that have it go back to what the others run.",
            Action.ROLLBACK,
        )
    if bad is not None and not rollout.paused:
        return Advice(
            f'slipway rollout pause {model} --reason "…"',
            f"{bad.title}, and there is no release to go back to: no more devices begin with it.",
            Action.PAUSE,
        )
    if stopped is not None:
        return Advice(stopped.command, f"{stopped.title}: look at the numbers before it goes on or back.")
    if any(kind_of(one.cause) == APPROVAL for one in notices):
        return Advice(
            f"slipway rollout status {model}", "Its last step waits for approval; nothing is known to be wrong."
        )
    return None
