"""A SQLite file: copied by SQLite itself, so that the copy is one state of it whatever others write meanwhile."""

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from slipway.pipelines.backup.part import State
from slipway.platform.errors import SlipwayError

KIND: Final = "sqlite"
PATIENCE_S: Final = 30


class SqliteFile:
    """A database in a file."""

    kind = KIND

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)

    def exists(self) -> bool:
        return self.path.exists()

    def dump(self, to: Path) -> None:
        """A sound copy of now; the same content gives the same bytes."""
        with self._explained(), closing(_opened(self.path)) as source, closing(sqlite3.connect(to)) as copy:
            source.backup(copy)
            copy.execute("pragma journal_mode = delete").close()
            (told,) = copy.execute("pragma quick_check(1)").fetchone()
        if told != "ok":
            raise SlipwayError(f"{self.path} is damaged: {told}", mend="Restore it from an older backup.")

    def state(self, digest: str) -> State:
        if not self.exists() or not self.path.stat().st_size:
            return State.EMPTY
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch, "copy.db")
            self.dump(copy)
            same = hashlib.sha256(copy.read_bytes()).hexdigest() == digest
        return State.SAME if same else State.OTHER

    def load(self, dump: Path, digest: str, *, over: bool) -> None:
        """A new file appears as a whole; into one that is there SQLite writes in one transaction."""
        del digest
        with self._explained():
            if over and self.exists():
                with closing(_opened(dump)) as source, closing(_opened(self.path)) as target:
                    source.backup(target)
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{self.path.name}-", dir=self.path.parent)
            try:
                with os.fdopen(handle, "wb") as file, dump.open("rb") as source_file:
                    while data := source_file.read(1 << 20):
                        file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self.path)
            finally:
                Path(name).unlink(missing_ok=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise SlipwayError(
                f"{self.path} could not be copied: {error}", mend="End what holds it, look at room and permissions."
            ) from error


def _opened(path: Path) -> sqlite3.Connection:
    """One that is there; a connection that only reads could not read a file that is written ahead."""
    return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=PATIENCE_S)
