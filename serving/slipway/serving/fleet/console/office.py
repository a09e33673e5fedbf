"""What the pages show, read anew for each page: ledger and channel by a desk, devices by the fleet store.

Nothing here grows with what devices did in a month: devices are counted by what they run now, lists come in pages.
"""

import time
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import WrongUse
from slipway.platform.ledger.entry import Written
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.standing import ModelStanding
from slipway.serving.fleet.console.folds import Folded
from slipway.serving.fleet.console.memory import Memory
from slipway.serving.fleet.console.remembering import PATIENCE_S, Answer, Known, Remembered
from slipway.serving.fleet.facts import DeviceFacts
from slipway.serving.fleet.service.context import Service
from slipway.serving.release.folding import known_rollout
from slipway.serving.release.rollouts import Pinned, Rollout

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

ENOUGH: Final = timedelta(minutes=2)
"""What is no older is shown at once: whoever keeps a page open waits for nothing."""


class Office:
    """All that can be looked at."""

    def __init__(self, service: Service, memory: Memory) -> None:
        self.service, self.memory = service, memory
        self._patient_until = time.monotonic() + PATIENCE_S

    def desk(self) -> Desk:
        """As the service's own person; people who were trusted meanwhile are known."""
        return Desk.of(self.loaded)

    @property
    def loaded(self) -> "Loaded":
        """The project's settings."""
        if self.service.loaded is None:
            raise WrongUse("This service knows no project: it shows devices alone.", mend="`slipway fleet serve`")
        return self.service.loaded

    @property
    def now(self) -> datetime:
        """By the service's clock."""
        return self.service.now()

    @property
    def remembered(self) -> Remembered:
        """Answers that take long."""
        return self.memory.remembered

    def ask(
        self, question: Hashable, ask: Callable[[], Answer], *, fresh: timedelta, wait: bool = True
    ) -> Known[Answer]:
        """The same; one page waits a moment for all its questions together."""
        patience = max(self._patient_until - time.monotonic(), 0.0) if wait else 0.0
        return self.remembered.get(question, ask, fresh=fresh, patience=patience, enough=ENOUGH)

    def models(self) -> Folded:
        """All that something was decided about, by name; none where the service knows no project."""
        return {} if self.service.loaded is None else self.memory.folds.of(self.desk())

    def entries(self) -> Sequence[Written]:
        """The ledger's, in their order."""
        return self.memory.folds.entries(self.desk())

    def model(self, name: str) -> tuple[Rollout, ModelStanding]:
        """One; a name that means none is refused with those that do."""
        found = self.memory.folds.of(self.desk()).get(name)
        return found or known_rollout(self.desk(), name)

    def silent(self, device: DeviceFacts) -> bool:
        """Whether it has said nothing for long."""
        return device.silent(self.now, self.service.settings.silent_minutes)

    def pins(self, device: DeviceFacts) -> list[Pinned]:
        """Those that hold the device now, its own before its site's."""
        holders = [("device", device.id), ("site", device.site)]
        found = [
            one for rollout, _ in self.models().values() for one in rollout.pins_at(self.now) if one.holder in holders
        ]
        return sorted(found, key=lambda one: (one.holder[0], one.written.entry.decision.model))
