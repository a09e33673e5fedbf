"""Whom a backup tells how far it is."""

from typing import Protocol


class Told(Protocol):
    """Counts of objects, and remarks."""

    def expect(self, step: str, total: int) -> None:
        """A step begins, with so many more objects."""

    def advance(self) -> None:
        """One of them is done."""

    def note(self, text: str) -> None:
        """Something that people should know."""
