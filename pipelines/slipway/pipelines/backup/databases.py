"""Parts that are one file each: a database's dump, and the people file."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from slipway.pipelines.backup.part import Look, State
from slipway.pipelines.backup.place import Place
from slipway.pipelines.backup.postgresql import PostgresqlDatabase
from slipway.pipelines.backup.records import Kept
from slipway.pipelines.backup.sqlite import SqliteFile
from slipway.pipelines.backup.telling import Told
from slipway.platform.errors import WrongUse
from slipway.platform.settings.schema import SQLITE

WHOLE: Final = "whole"
"""The key of the one piece."""


class Source(Protocol):
    """Something that is dumped into a file and loaded from it."""

    @property
    def kind(self) -> str: ...

    @property
    def where(self) -> str: ...

    def exists(self) -> bool:
        """Whether there is anything to dump."""

    def dump(self, to: Path) -> None:
        """One state of it."""

    def state(self, digest: str) -> State:
        """How it compares with a dump of that sha256."""

    def load(self, dump: Path, digest: str, *, over: bool) -> None:
        """Make it equal to the dump, at once or not at all; `over` whatever is there."""


class PlainFile:
    """A file that is replaced as a whole."""

    kind = "file"

    def __init__(self, path: Path) -> None:
        self.path, self.where = path, str(path)

    def exists(self) -> bool:
        return self.path.exists()

    def dump(self, to: Path) -> None:
        to.write_bytes(self.path.read_bytes())

    def state(self, digest: str) -> State:
        if not self.exists():
            return State.EMPTY
        return State.SAME if hashlib.sha256(self.path.read_bytes()).hexdigest() == digest else State.OTHER

    def load(self, dump: Path, digest: str, *, over: bool) -> None:
        del digest, over
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f".{self.path.name}.part")
        part.write_bytes(dump.read_bytes())
        part.replace(self.path)


def database(address: str, setting: str) -> Source:
    """What is behind an address in the settings."""
    if address.startswith(SQLITE):
        return SqliteFile(Path(address.removeprefix(SQLITE).partition("?")[0]))
    if address.startswith(("postgresql:", "postgresql+")):
        return PostgresqlDatabase(address)
    raise WrongUse(
        f"{setting} is at `{address.partition(':')[0]}`, which cannot be copied; expected sqlite:///FILE or "
        "postgresql://….",
        mend=f"Correct {setting}, or copy that database by its own means.",
    )


@dataclass(frozen=True)
class Dumped:
    """A part that is one piece."""

    name: str
    source: Source

    @property
    def kind(self) -> str:
        return self.source.kind

    @property
    def where(self) -> str:
        return self.source.where

    def size(self) -> str:
        return "one piece" if self.source.exists() else "nothing"

    def keep(self, place: Place, told: Told) -> Kept:
        pieces = {}
        if self.source.exists():
            told.expect(self.name, 1)
            with tempfile.TemporaryDirectory() as scratch:
                file = Path(scratch, WHOLE)
                self.source.dump(file)
                pieces = {WHOLE: place.keep_file(file)}
            told.advance()
        return Kept(name=self.name, kind=self.kind, where=self.where, pieces=pieces)

    def look(self, kept: Kept, told: Told) -> Look:
        told.expect(f"looking at {self.name}", 1)
        if kept.kind != self.kind:
            raise WrongUse(
                f"{self.name} was kept from {kept.kind}, and is {self.kind} by these settings ({self.where}).",
                mend="Name a database of the same kind in the settings, or leave this part out with --without.",
            )
        state = self.source.state(kept.pieces[WHOLE].sha256)
        told.advance()
        return Look(state, "other content" if state is State.OTHER else "")

    def put_back(self, kept: Kept, place: Place, told: Told) -> None:
        piece = kept.pieces[WHOLE]
        told.expect(self.name, 1)
        state = self.source.state(piece.sha256)
        if state is not State.SAME:
            with tempfile.TemporaryDirectory() as scratch:
                file = Path(scratch, WHOLE)
                place.get_file(piece, file)
                self.source.load(file, piece.sha256, over=state is State.OTHER)
        told.advance()
