"""What every part of a backup can do, whatever it is made of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from slipway.pipelines.backup.place import Place
from slipway.pipelines.backup.records import Kept
from slipway.pipelines.backup.telling import Told


class State(StrEnum):
    """How a place compares with a backup of it."""

    EMPTY = "empty"
    SAME = "as in the backup"
    """All of it, or a part of it: nothing that would be lost."""
    OTHER = "something else"


@dataclass(frozen=True)
class Look:
    """What was found where a part would be put back."""

    state: State
    found: str = ""
    """What else is there, for people."""


class Part(Protocol):
    """Something that is copied and put back as one."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def where(self) -> str:
        """Where it is, without a password."""

    def size(self) -> str:
        """How much it is, for people, at little cost."""

    def keep(self, place: Place, told: Told) -> Kept:
        """Copy it."""

    def look(self, kept: Kept, told: Told) -> Look:
        """How what is there compares with the backup; changes nothing."""

    def put_back(self, kept: Kept, place: Place, told: Told) -> None:
        """Make it equal to the backup, whatever is there; interrupted and asked again it goes on."""
