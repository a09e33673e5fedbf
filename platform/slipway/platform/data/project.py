"""A project as the commands of `slipway data` see it: its folder, its settings, and git where there is one.

Only looking is done here: no command of slipway makes a git commit or moves a branch.
"""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.platform.data.errors import DataError, PointerMissing, SnapshotBusy
from slipway.platform.data.locking import locked
from slipway.platform.data.objects import Cache
from slipway.platform.data.pointer import FOLDER, NAME, Pointer, parse_pointer, read_pointer
from slipway.platform.data.remote import Remote, open_remote
from slipway.platform.errors import WrongUse
from slipway.platform.store import Store, open_store

if TYPE_CHECKING:
    from slipway.platform.data.watching import Watcher
    from slipway.platform.settings import Settings

NO_POINTER = f"`slipway data commit` makes a {NAME} of what is in {FOLDER}/."


@dataclass(frozen=True)
class Project:
    """Where the work happens and what it uses."""

    root: Path
    settings: "Settings"

    @property
    def data(self) -> Path:
        """The working snapshot."""
        return self.root / FOLDER

    @property
    def cache(self) -> Cache:
        """This machine's cache."""
        return Cache(self.settings.data.cache)

    @cached_property
    def remote(self) -> Remote:
        """The remote."""
        return open_remote(self.settings.data, self.settings.s3)

    @cached_property
    def store(self) -> Store:
        """The store with the records."""
        return open_store(self.settings.store, self.settings.s3)

    def pointer(self) -> Pointer:
        """What `data.dvc` says; there must be one."""
        found = read_pointer(self.root)
        if found is None:
            raise PointerMissing(f"{self.root / NAME} does not exist: no snapshot is committed here.", mend=NO_POINTER)
        return found

    @contextmanager
    def changing(self, watcher: "Watcher") -> Iterator[None]:
        """While this runs, no other slipway moves `data/` or `data.dvc` of this project."""
        lock = self.root / ".slipway" / "data.lock"
        with locked(lock, lambda who: watcher.note(f"{who} is changing {FOLDER}/: waiting."), threading.Event()):
            yield

    @contextmanager
    def unwritten(self) -> Iterator[None]:
        """While this runs, nobody imports into `data/`: it is the lock of its writers."""

        def refuse(holder: str) -> None:
            raise SnapshotBusy(f"{holder} is writing {self.data}.", mend="Try again when it has finished.")

        with locked(self.root / f".{FOLDER}.lock", refuse, threading.Event()):
            yield

    def git(self, *arguments: str) -> str | None:
        """What git says, or None where it refuses or there is none."""
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=self.root, capture_output=True, text=True, check=False, errors="replace"
            )
        except FileNotFoundError:
            return None
        return done.stdout if done.returncode == 0 else None

    def pointer_at(self, revision: str) -> Pointer | None:
        """The `data.dvc` of a revision, if the revision has one."""
        text = self.git("show", f"{revision}:./{NAME}")
        return None if text is None else parse_pointer(text, f"{NAME} at {revision}")

    def pointer_named(self, revision: str) -> Pointer:
        """The same, where a person asked for it."""
        if revision.startswith("-") or self.git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is None:
            raise WrongUse(f"git knows no revision `{revision}` in {self.root}.", mend="`git log` shows what there is.")
        found = self.pointer_at(revision)
        if found is None:
            raise DataError(f"There is no {NAME} at {revision}.", mend=f"`git log -- {NAME}` shows where there is one.")
        return found
