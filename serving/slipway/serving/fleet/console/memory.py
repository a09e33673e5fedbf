"""What the console keeps between pages: nothing that could not be found out anew."""

from dataclasses import dataclass, field
from typing import Self

from slipway.serving.fleet.console.doing import Doing
from slipway.serving.fleet.console.folds import Folds
from slipway.serving.fleet.console.progress import Members
from slipway.serving.fleet.console.remembering import Remembered
from slipway.serving.fleet.service.context import Service


@dataclass(frozen=True)
class Memory:
    """Of one service."""

    doing: Doing
    remembered: Remembered
    folds: Folds = field(default_factory=Folds)
    members: Members = field(default_factory=Members)

    @classmethod
    def of(cls, service: Service) -> Self:
        """Empty."""
        return cls(Doing(service.store), Remembered(service.now))
