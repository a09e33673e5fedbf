"""One model in full: waves, the controller's judgement, what devices do with each release, versions, the channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from slipway.platform.registry.standing import ModelStanding, VersionStanding
from slipway.serving.fleet.console import changing
from slipway.serving.fleet.console.asking import NotThere
from slipway.serving.fleet.console.doing import SPAN, Did, Measure
from slipway.serving.fleet.console.judged import Judged, judged
from slipway.serving.fleet.console.office import Office
from slipway.serving.fleet.console.overview import (
    FRESH,
    Noticed,
    Runs,
    champion_of,
    costs_known,
    data_known,
    noticed,
    notices_of,
    progress_of,
    runs_of,
)
from slipway.serving.fleet.console.progress import Progress
from slipway.serving.fleet.console.records import Costs, Data
from slipway.serving.fleet.console.remembering import Known
from slipway.serving.fleet.console.shapes import References, Shape, references_of, shape_of
from slipway.serving.fleet.console.timeline import Timeline, timeline_of
from slipway.serving.fleet.operators.acting import Acting, RoleMissing
from slipway.serving.fleet.store.outcomes import Precision
from slipway.serving.release.rollouts import Frozen, Pinned, Rollout, Step

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded
    from slipway.serving.release.inspecting import ChannelStanding

RELEASES: Final = 6
"""So many can be chosen, the newest."""
VERSIONS: Final = 20
SHAPES: Final = 8
"""So many measures are drawn, the furthest."""
STEPS: Final = 30
FOR_GOOD: Final = timedelta(days=1)
"""A bundle never changes."""
OUTCOMES: Final = timedelta(days=30)
SITES: Final = 24
"""Of which it is told how often a release was right there."""


@dataclass(frozen=True)
class Drift:
    """A measure, by release."""

    name: str
    of: Mapping[int, Measure]
    worst: str
    """The class that is furthest with the newest release, where classes differ."""
    shape: Shape | None = None
    """Of the newest release, over its reference."""


@dataclass(frozen=True)
class ModelPage:
    """All of it."""

    rollout: Rollout
    versions: ModelStanding
    runs: Runs
    progress: Progress | None
    timeline: Timeline | None
    judged: Judged
    did: Known[Did]
    references: Known[References]
    """Of the newest release's bundle."""
    precision: Sequence[Precision]
    """The newest release first, and where it was right most seldom."""
    channel: "Known[ChannelStanding]"
    data: Known[Data]
    costs: Known[Costs]
    noticed: Noticed | None
    frozen: Frozen | None
    pins: Sequence[Pinned]
    may: frozenset[str]
    """What whoever looks may do here."""

    sites: int = SITES
    span_hours: int = round(SPAN.total_seconds() / 3600)

    @property
    def champion(self) -> VersionStanding | None:
        """The version that should be in the field."""
        return champion_of(self.versions)

    @property
    def releases(self) -> list[int]:
        """Those whose way can be drawn, the newest first."""
        return sorted(self.rollout.releases, reverse=True)[:RELEASES]

    @property
    def steps(self) -> list[Step]:
        """The newest first."""
        return list(reversed(self.rollout.steps))[:STEPS]

    @property
    def shown_versions(self) -> Sequence[VersionStanding]:
        """The newest, and the champion however old it is."""
        newest = self.versions.newest
        champion = self.champion
        first = newest[:VERSIONS]
        return first if champion is None or champion in first else (*first, champion)

    @property
    def pair(self) -> tuple[int, ...]:
        """The releases that are compared: what is on its way or was last, and what it takes the place of."""
        newest = self.rollout.newest
        if newest is None:
            return ()
        return (newest.number,) if newest.base is None else (newest.number, newest.base)

    @property
    def drifts(self) -> list[Drift]:
        """The furthest first."""
        did = self.did.value
        if did is None:
            return []
        told = {number: {one.name: one for one in did.measures.get(number, ())} for number in self.pair}
        names = list(dict.fromkeys(name for each in told.values() for name in each))
        seen, references = did.seen.get(self.pair[0], {}) if self.pair else {}, self.references.value or {}
        shapes = {name: shape_of(references.get(name), seen.get(name, ())) for name in names[:SHAPES]}
        return [
            _drift(name, {number: each[name] for number, each in told.items() if name in each}, shapes.get(name))
            for name in names
        ]


def model_page(
    office: Office, acting: Acting, rollout: Rollout, versions: ModelStanding, release: int | None
) -> ModelPage:
    """Of one model."""
    model, store, now = rollout.model, office.service.store, office.now
    references = _references(office, rollout)
    data, costs = data_known(office, versions), costs_known(office, model)
    channel = office.ask("channel", lambda: _channel(office.loaded), fresh=FRESH)
    notices = notices_of(office)
    did = office.ask(("did", model), lambda: office.memory.doing.last(model, now), fresh=FRESH)  # takes longest
    return ModelPage(
        rollout=rollout,
        versions=versions,
        runs=runs_of(store.running()).get(model, Runs()),
        progress=progress_of(office, rollout),
        timeline=_timeline(rollout, release, now),
        judged=judged(rollout, store.look(model), now),
        did=did,
        references=references,
        precision=sorted(
            store.precision(model, since=now - OUTCOMES, until=now), key=lambda one: (-(one.release or 0), one.share)
        ),
        channel=channel,
        data=data,
        costs=costs,
        noticed=noticed(notices, model),
        frozen=rollout.frozen_at(now),
        pins=rollout.pins_at(now),
        may=frozenset(what for what in changing.ACTIONS if _may(acting, what)),
    )


def _timeline(rollout: Rollout, release: int | None, now: datetime) -> Timeline | None:
    number = release or max(rollout.releases, default=None)
    if number is None:
        return None
    released = rollout.releases.get(number)
    if released is None:
        known = ", ".join(map(str, sorted(rollout.releases))) or "none"
        raise NotThere(f"{rollout.model} has no release {number}.", mend=f"There are: {known}.")
    return timeline_of(rollout, released, now)


def _channel(loaded: "Loaded") -> "ChannelStanding":
    from slipway.serving.release.inspecting import standing_of
    from slipway.serving.release.tuf_repository import TufRepository

    return standing_of(TufRepository.open(loaded))


def _references(office: Office, rollout: Rollout) -> Known[References]:
    if (newest := rollout.newest) is None:
        return Known()
    store, bundle = office.desk().store, newest.bundle
    return office.ask(("reference", bundle), lambda: references_of(store, bundle), fresh=FOR_GOOD)


def _may(acting: Acting, what: str) -> bool:
    try:
        changing.check(acting, what)
    except RoleMissing:
        return False
    return True


def _drift(name: str, of: Mapping[int, Measure], shape: Shape | None) -> Drift:
    newest = of[max(of)]
    worst = max(newest.classes, key=lambda kind: newest.classes[kind], default="")
    apart = bool(worst) and newest.classes[worst] > 1.1 * newest.apart
    return Drift(name, of, f"{worst} {newest.classes[worst]:.2f}" if apart else "", shape)
