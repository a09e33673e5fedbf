"""A notice: something that needs a person, with its cause and the next command."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Weight(Enum):
    """How much it matters."""

    NOTE = "note"
    WARNING = "warning"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        """The higher, the sooner somebody should look."""
        return list(Weight).index(self)


@dataclass(frozen=True)
class Notice:
    """What happened. Notices of one cause are one, however often it is told and by whom."""

    cause: str
    """Such as `rollout-stopped/vehicle-reid/7` or `silent/harbour`: kind, subject, and what tells it from others."""
    weight: Weight
    title: str
    """One line for a person who reads only that."""
    text: str
    """What was seen, with its numbers."""
    command: str
    """What to type next."""
    at: datetime
    model: str | None = None
    site: str | None = None
    count: int = 1
    """Devices or events that it stands for."""


def kind_of(cause: str) -> str:
    """The first part of a cause: those of one kind are found by one look."""
    return cause.partition("/")[0]
