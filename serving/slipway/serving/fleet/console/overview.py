"""All models at a glance: who is champion, what devices run, how far a wave is, how old the data is, what it costs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from slipway.platform.registry.standing import Given, ModelStanding, VersionStanding
from slipway.serving.fleet.console.office import Office
from slipway.serving.fleet.console.progress import Progress, progress
from slipway.serving.fleet.console.records import Costs, Data, costs_of, data_of
from slipway.serving.fleet.console.remembering import Known
from slipway.serving.fleet.notices.book import Standing
from slipway.serving.fleet.notices.notice import Weight
from slipway.serving.fleet.notices.standing import found_now
from slipway.serving.fleet.store.following import ReleaseCount
from slipway.serving.release.rollouts import Frozen, Rollout

FRESH: Final = timedelta(minutes=1)
"""Records change seldom."""
NOTICED: Final = timedelta(seconds=10)

Found = tuple[list[Standing], list[str]]


@dataclass(frozen=True)
class Runs:
    """How many devices run what of a model."""

    releases: Mapping[int | None, int] = field(default_factory=dict)

    @property
    def all(self) -> int:
        """Devices that run anything of it."""
        return sum(self.releases.values())

    def of(self, release: int | None) -> int:
        """Devices that run a release."""
        return self.releases.get(release, 0) if release is not None else 0


@dataclass(frozen=True)
class Noticed:
    """What needs a person about a model."""

    count: int
    urgent: int
    titles: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """A model."""

    rollout: Rollout
    versions: ModelStanding
    runs: Runs
    progress: Progress | None
    """Of the wave; None where nothing is on its way."""
    data: Known[Data]
    costs: Known[Costs]
    noticed: Noticed | None
    """None where nobody knows yet."""
    frozen: Frozen | None

    @property
    def champion(self) -> VersionStanding | None:
        """The version that should be in the field."""
        return champion_of(self.versions)

    @property
    def since(self) -> datetime | None:
        """When it became champion."""
        return self.versions.history[-1].at if self.versions.history else None

    @property
    def verdict(self) -> tuple[Given, str] | None:
        """The newest one on whatever bundle, and which version that is."""
        given = [(one, bundle) for bundle, each in self.versions.verdicts.items() for one in each]
        if not given:
            return None
        newest, bundle = max(given, key=lambda pair: pair[0].written.entry.number)
        version = self.versions.versions.get(bundle)
        return newest, f"version {version.number}" if version else f"candidate {bundle[:12]}"


@dataclass(frozen=True)
class Overview:
    """All of it."""

    cards: Sequence[Card]
    devices: int
    silent: int
    notices: Known[Found]


def champion_of(versions: ModelStanding) -> VersionStanding | None:
    """The version that is champion."""
    return versions.versions[versions.champion] if versions.champion else None


def overview(office: Office) -> Overview:
    """Those that something is on its way of first, then by name."""
    store, models = office.service.store, office.models()
    for name, (_, versions) in models.items():  # all are asked at once, before one is waited for
        data_known(office, versions, wait=False)
        costs_known(office, name, wait=False)
    found, runs = notices_of(office), runs_of(store.running())
    cards = [_card(office, *models[name], runs.get(name, Runs()), found) for name in models]
    cards.sort(key=lambda card: (card.rollout.target is None, card.rollout.base is None, card.rollout.model))
    heard = store.heard(office.now - timedelta(minutes=office.service.settings.silent_minutes))
    return Overview(cards, heard.devices, heard.silent, found)


def runs_of(running: Iterable[ReleaseCount]) -> dict[str, Runs]:
    """By model."""
    counted: dict[str, dict[int | None, int]] = {}
    for one in running:
        counted.setdefault(one.model, {})[one.release] = one.devices
    return {model: Runs(releases) for model, releases in counted.items()}


def notices_of(office: Office) -> Known[Found]:
    """What needs a person, as it was a moment ago; the page of notices shares the look."""
    if office.service.loaded is None:
        return Known()
    loaded = office.loaded
    return office.ask("notices", lambda: found_now(loaded), fresh=NOTICED)


def noticed(found: Known[Found], model: str) -> Noticed | None:
    """Of a model, or of everything; what is silenced does not count."""
    if found.value is None:
        return None
    its = [one.notice for one in found.value[0] if one.notice.model == model and one.silence is None]
    weights = Counter(one.weight for one in its)
    return Noticed(len(its), weights[Weight.URGENT], tuple(one.title for one in its))


def data_known(office: Office, versions: ModelStanding, *, wait: bool = True) -> Known[Data]:
    """What the champion learned from."""
    bundle = versions.champion
    if bundle is None:
        return Known()
    desk, now = office.desk(), office.now
    return office.ask(("data", bundle), lambda: data_of(desk.store, bundle, now), fresh=FRESH, wait=wait)


def costs_known(office: Office, model: str, *, wait: bool = True) -> Known[Costs]:
    """What its runs cost."""
    desk, now = office.desk(), office.now
    return office.ask(("costs", model), lambda: costs_of(desk.store, model, now), fresh=FRESH, wait=wait)


def progress_of(office: Office, rollout: Rollout) -> Progress | None:
    """Of the wave that is on its way."""
    if (target := rollout.target) is None:
        return None
    of = office.memory.members.of
    members = office.service.store.followers(rollout.model, lambda found: of(rollout.wave, found))
    return progress(rollout, target, members, office.now, office.service.settings.silent_minutes)


def _card(office: Office, rollout: Rollout, versions: ModelStanding, runs: Runs, found: Known[Found]) -> Card:
    return Card(
        rollout,
        versions,
        runs,
        progress_of(office, rollout),
        data_known(office, versions),
        costs_known(office, rollout.model),
        noticed(found, rollout.model),
        rollout.frozen_at(office.now),
    )
