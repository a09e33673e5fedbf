"""How work on snapshots tells of its progress, without knowing who listens."""

from typing import Protocol


class Watcher(Protocol):
    """Hears of steps, bytes and remarks; called from several threads."""

    def expect(self, step: str, total: int) -> None:
        """A step begins that handles this many bytes."""

    def advance(self, count: int) -> None:
        """So many bytes more are done."""

    def note(self, text: str) -> None:
        """Something a person may want to know."""


class Silent:
    """Nobody listens."""

    def expect(self, step: str, total: int) -> None:
        """Nothing."""

    def advance(self, count: int) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""


SILENT = Silent()
