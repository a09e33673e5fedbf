"""What the pages show, read anew for each page: ledger and channel by a desk, devices by the fleet store.

Nothing here grows with what devices did in a month: devices are counted by what they run now, lists come in pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from slipway.platform.errors import WrongUse
from slipway.platform.ledger.entry import Written
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.standing import Given, ModelStanding
from slipway.serving.fleet.facts import DeviceFacts
from slipway.serving.fleet.service.context import Service
from slipway.serving.fleet.store.reading import Wanted
from slipway.serving.release.folding import known_rollout, load_rollouts
from slipway.serving.release.rollouts import Rollout

DEVICES: int = 100
"""Of one page."""
ENTRIES: int = 50


@dataclass(frozen=True)
class Model:
    """A model, as the overview and its own page show it."""

    rollout: Rollout
    versions: ModelStanding
    of_base: int
    """Devices that run what everybody may run."""
    of_target: int
    """Devices that run what is on its way."""
    all: int
    """Devices that run the model."""

    @property
    def champion(self) -> str | None:
        """The number of the version that is champion."""
        bundle = self.versions.champion
        return self.versions.versions[bundle].number if bundle else None

    @property
    def verdict(self) -> Given | None:
        """The newest one, of whatever bundle."""
        given = [one for each in self.versions.verdicts.values() for one in each]
        return max(given, key=lambda one: one.written.entry.number, default=None)

    @property
    def share(self) -> int:
        """Per cent of the devices that run what is on its way."""
        return round(100 * self.of_target / self.all) if self.all else 0


@dataclass(frozen=True)
class Found:
    """A page of devices."""

    devices: Sequence[DeviceFacts]
    total: int
    after: str | None
    """Of the next page."""


class Office:
    """All that can be looked at."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def desk(self) -> Desk:
        """As the service's own person; people who were trusted meanwhile are known."""
        if self.service.loaded is None:
            raise WrongUse("This service knows no project: it shows devices alone.", mend="`slipway fleet serve`")
        return Desk.of(self.service.loaded)

    @property
    def now(self) -> datetime:
        """By the service's clock."""
        return self.service.now()

    def models(self) -> list[Model]:
        """All that were ever released."""
        if self.service.loaded is None:
            return []
        return [self._model(*found) for found in load_rollouts(self.desk()).values()]

    def model(self, name: str) -> Model:
        """One."""
        return self._model(*known_rollout(self.desk(), name))

    def devices(self, wanted: Wanted) -> Found:
        """A page."""
        found = self.service.store.devices(
            site=wanted.site,
            model=wanted.model,
            release=wanted.release,
            search=wanted.search,
            after=wanted.after,
            limit=DEVICES,
        )
        total = self.service.store.count(Wanted(wanted.site, wanted.model, wanted.release, wanted.search))
        return Found(found, total, found[-1].id if len(found) == DEVICES else None)

    def silent(self, device: DeviceFacts) -> bool:
        """Whether it has said nothing for long."""
        return device.silent(self.now, self.service.settings.silent_minutes)

    def entries(self, before: int | None) -> tuple[list[Written], int | None]:
        """A page of the ledger, the newest first; the number that the next page is before."""
        entries = reversed(tuple(self.desk().ledger.entries()))
        fits = (one for one in entries if before is None or one.entry.number < before)
        found = list(islice(fits, ENTRIES))
        return found, found[-1].entry.number if found and found[-1].entry.number > 1 else None

    def _model(self, rollout: Rollout, versions: ModelStanding) -> Model:
        def count(release: int | None) -> int:
            return self.service.store.count(Wanted(model=rollout.model, release=release))

        base, target = rollout.base_number, rollout.target_number
        return Model(rollout, versions, count(base) if base else 0, count(target) if target else 0, count(None))
