"""A power cut in code that writes files by itself: each call that changes something below a folder is a step.

`cutting` is for those who write through the agent's disk; this one stands in for the calls of `os`. What was not synced
by the cut is kept or lost: data from the middle of a file on, names, both, or neither.
"""

import os
import pathlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from agent_world.cutting import PowerCut, Unsynced

CALLS = ("open", "fsync", "replace", "unlink", "mkdir", "fchmod")
PATHS_OWN = ("replace", "unlink", "mkdir")
"""Which `pathlib` of Python 3.10 has taken from `os` when it was imported."""


class Steps:
    """What is called below one folder, until the cut before or after the call with that number."""

    def __init__(
        self, folder: Path, cut: int | None = None, *, after: bool = False, unsynced: Unsynced = Unsynced.KEPT
    ) -> None:
        self.calls: list[str] = []
        self._folder, self._cut, self._after, self._unsynced = folder, cut, after, unsynced
        self._data: set[int] = set()
        self._names: list[tuple[Path, Callable[[], None]]] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """What is called in the block is counted, and ends at the cut."""
        kept = getattr(pathlib, "_normal_accessor", None)
        with ExitStack() as patches:
            for name in CALLS:
                does = partial(self._call, name, getattr(os, name))
                patches.enter_context(mock.patch.object(os, name, does))
                if name in PATHS_OWN and hasattr(kept, name):
                    patches.enter_context(mock.patch.object(kept, name, does))
            with suppress(PowerCut):
                yield
        if self._cut is not None:
            self._lose()

    def _call(self, name: str, real: Callable[..., Any], *given: Any, **named: Any) -> Any:
        path = self._path(given[0])
        inside = path == self._folder or self._folder in path.parents
        if not inside or (name == "open" and not given[1] & (os.O_CREAT | os.O_TRUNC)):
            return real(*given, **named)
        self.calls.append(name)
        is_cut = len(self.calls) - 1 == self._cut
        if is_cut and not self._after:
            raise PowerCut
        undo = self._undo(name, path, *given[1:])
        found = real(*given, **named)
        self._note(name, path, found, undo)
        if is_cut:
            raise PowerCut
        return found

    def _path(self, given: object) -> Path:
        if isinstance(given, int):
            return Path(f"/proc/self/fd/{given}").readlink()
        return Path(os.fspath(given))  # type: ignore[call-overload]

    def _undo(self, name: str, path: Path, *more: object) -> Callable[[], None] | None:
        """How it was before, where a name changes."""
        changed = [path, Path(os.fspath(more[0]))] if name == "replace" else [path]  # type: ignore[call-overload]
        if name not in {"replace", "unlink"}:
            return None
        before = {one: one.read_bytes() if one.exists() else None for one in changed}

        def undo() -> None:
            if name == "replace":
                changed[1].rename(changed[0])
            for one, content in before.items():
                if content is not None and not one.exists():
                    one.write_bytes(content)

        return undo

    def _note(self, name: str, path: Path, found: object, undo: Callable[[], None] | None) -> None:
        if undo is not None:
            self._names.append((path.parent, undo))
        if name == "open" and isinstance(found, int):
            self._data.add(os.fstat(found).st_ino)
        if name == "fsync":
            self._data.discard(path.stat().st_ino)
            self._names = [one for one in self._names if one[0] != path]

    def _lose(self) -> None:
        if self._unsynced in {Unsynced.LOST, Unsynced.DATA_LOST}:
            for path in self._folder.rglob("*"):
                if path.stat().st_ino in self._data:
                    os.truncate(path, path.stat().st_size // 2)
        if self._unsynced in {Unsynced.LOST, Unsynced.NAMES_LOST}:
            for _, undo in reversed(self._names):
                undo()
