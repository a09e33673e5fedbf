"""Who listens to a runner, without the runner knowing whether that is a bar, a log or nobody."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Protocol


class Watcher(Protocol):
    """Hears of an attempt."""

    def note(self, text: str) -> None:
        """Something a person may want to know."""

    def progress(self, told: Mapping[str, Any], remark: str) -> None:
        """How far it is: the last `progress` event; `remark` says what is behind or away, if anything."""


class Careful:
    """Passes on, and goes on when nobody can be told any more: a closed terminal ends no training."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def note(self, text: str) -> None:
        """Pass it on."""
        with suppress(OSError):
            self._watcher.note(text)

    def progress(self, told: Mapping[str, Any], remark: str) -> None:
        """Pass it on."""
        with suppress(OSError):
            self._watcher.progress(told, remark)


class Silent:
    """Nobody listens."""

    def note(self, text: str) -> None:
        """Nothing."""

    def progress(self, told: Mapping[str, Any], remark: str) -> None:
        """Nothing."""


SILENT: Final = Silent()
