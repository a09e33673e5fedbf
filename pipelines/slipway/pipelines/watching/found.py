"""One look at a model in the field, without doing anything about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from slipway.pipelines.watching.drift import FEWEST, Judged, Rules, judge
from slipway.pipelines.watching.field import Field, field_of, measured_of, reference_of
from slipway.pipelines.watching.rightness import Right, judge_right
from slipway.pipelines.watching.telling import calm_words, camera_words, drift_words

if TYPE_CHECKING:
    from slipway.pipelines.steps.site import Site
    from slipway.serving.edge.telemetry.distributions import Expected

EITHER: Final = 2
"""Distributions and outcomes share the chance of a false alarm."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a look saw."""

    field: Field
    expected: "Mapping[str, Expected]"
    judged: Judged
    right: Right | None

    @property
    def drift(self) -> bool:
        """Whether the model knows the field no more."""
        return bool(self.judged.drift) or (self.right is not None and self.right.worse)

    @property
    def line(self) -> str:
        """In a sentence."""
        if self.drift:
            return drift_words(self.judged, self.right)
        if self.judged.cameras:
            return f"no drift, but a camera moved: {camera_words(self.judged)}"
        return calm_words(self.judged, self.right, self.field.devices)


def look_at(site: "Site", model: str, now: datetime, tell: Callable[[str], None]) -> Found | str:
    """What is seen now; a sentence where there is nothing to look at, or too little."""
    from slipway.serving.edge.telemetry.distributions import expected_of
    from slipway.serving.fleet.opened import open_reader
    from slipway.serving.release.folding import load_rollout

    rules = site.loaded.settings.watch
    rollout, _ = load_rollout(site.desk, model)
    if not rollout.releases:
        return f"nothing to watch: {model} was never released"
    tell(f"Asking the fleet store what devices saw with {model} …")
    with open_reader(site.loaded) as fleet:
        if fleet is None:
            return "nothing to watch: there is no fleet store"
        field = field_of(fleet, model, rollout.releases, rules, now)
    if field is None:
        return f"nothing to watch: no device told of a release of {model} in the last {rules.days} days"
    days = sum(map(bool, field.recent))
    if days < FEWEST:
        told = f"{days} full day{'' if days == 1 else 's'}"
        return f"too early to say: {told} of release {field.release.number} told, {FEWEST} are needed"
    reference, gate = reference_of(site.store, field.release.bundle), measured_of(site.desk, field.release.bundle)
    expected, alarms = expected_of(reference), rules.false_alarms / (EITHER if gate and field.outcomes else 1)
    asked = Rules(floor=rules.floor, false_alarms=alarms)
    judged = judge(expected, int(reference.get("rows", 0)), field.recent, field.first, asked)
    right = judge_right(field.outcomes, gate, floor=rules.outcome_floor, false_alarms=alarms) if gate else None
    return Found(field=field, expected=expected, judged=judged, right=right)
