"""Objects of a store: copied and put back one by one, several at a time, in the order of `order`."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from slipway.pipelines.backup.order import Group, backwards, counts, forwards, listed, place_of
from slipway.pipelines.backup.part import Look, State
from slipway.pipelines.backup.place import IN_MEMORY, Place
from slipway.pipelines.backup.records import Kept, Piece
from slipway.pipelines.backup.telling import Told
from slipway.platform.masking import masked
from slipway.platform.store import ObjectMissing, Store
from slipway.platform.store.keys import digest_named_by

T = TypeVar("T")
TOGETHER: Final = 4
KIND: Final = "objects"


def each(work: Callable[[str], T], keys: Sequence[str], told: Told) -> list[T]:
    """What comes of every key, several at a time; the first error ends it, and so does Ctrl-C."""

    def counted(key: str) -> T:
        done = work(key)
        told.advance()
        return done

    with ThreadPoolExecutor(TOGETHER, thread_name_prefix="slipway-backup") as pool:
        try:
            return list(pool.map(counted, keys))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@dataclass(frozen=True)
class Objects:
    """A store, or what is one: a channel's files, artefacts."""

    name: str
    store: Store
    groups: Sequence[Group]
    kind: str = KIND

    @property
    def where(self) -> str:
        return masked(self.store.url)

    def size(self) -> str:
        return f"{sum(1 for key in self.store.list() if counts(key))} objects"

    def keep(self, place: Place, told: Told) -> Kept:
        pieces: dict[str, Piece] = {}
        for keys in listed(self.store, self.groups):
            told.expect(self.name, len(keys))
            found = each(lambda key: self._copied(key, place), keys, told)
            pieces |= {key: piece for key, piece in zip(keys, found, strict=True) if piece is not None}
        return Kept(name=self.name, kind=self.kind, where=self.where, pieces=pieces)

    def _copied(self, key: str, place: Place) -> Piece | None:
        """One object; nothing where somebody removed it since it was listed."""
        try:
            size = self.store.size(key)
            named = digest_named_by(key)
            if named in place.there:
                return Piece(sha256=named or "", size=size)
            if size <= IN_MEMORY:
                return place.keep(self.store.get(key))
            with tempfile.TemporaryDirectory() as scratch:
                file = Path(scratch, "content")
                self.store.get_file(key, file)
                return place.keep_file(file)
        except ObjectMissing:
            return None

    def look(self, kept: Kept, told: Told) -> Look:
        there = [key for key in self.store.list() if counts(key)]
        more = [key for key in there if key not in kept.pieces]
        told.expect(f"looking at {self.name}", len(there) - len(more))
        others = self._others(kept, set(there), told)
        if not more and not others:
            return Look(State.SAME if there else State.EMPTY)
        told_of = (
            f"{len(more)} that the backup does not have, such as {more[0]}" if more else "",
            f"{len(others)} that differ, such as {others[0]}" if others else "",
        )
        return Look(State.OTHER, f"{len(there)} objects, of which {', and '.join(filter(None, told_of))}")

    def _others(self, kept: Kept, there: set[str], told: Told) -> list[str]:
        """Keys that are there with another content than in the backup."""
        keys = sorted(there & kept.pieces.keys())
        same = each(lambda key: self._is(key, kept.pieces[key]), keys, told)
        return [key for key, equal in zip(keys, same, strict=True) if not equal]

    def _is(self, key: str, piece: Piece) -> bool:
        try:
            if self.store.size(key) != piece.size:
                return False
            if digest_named_by(key) == piece.sha256:
                return True
            found, seen = hashlib.sha256(), 0
            while data := self.store.open_range(key, seen, IN_MEMORY):
                found.update(data)
                seen += len(data)
        except ObjectMissing:
            return False
        return found.hexdigest() == piece.sha256

    def put_back(self, kept: Kept, place: Place, told: Told) -> None:
        there = {key for key in self.store.list() if counts(key)}
        for key in forwards(there - kept.pieces.keys(), self.groups):
            self.store.delete(key)
        told.expect(f"looking at {self.name}", len(there & kept.pieces.keys()))
        wanted = (kept.pieces.keys() - there) | set(self._others(kept, there, told))
        told.expect(self.name, len(wanted))
        for keys in self._together(backwards(wanted, self.groups)):
            each(lambda key: self._put(key, kept.pieces[key], place), keys, told)

    def _together(self, keys: Iterable[str]) -> list[list[str]]:
        """Keys of one group can be put at once; those of a chain go one after the other."""
        found: list[list[str]] = []
        before = -1
        for key in keys:
            group = place_of(key, self.groups)
            if group != before or self.groups[group].chained:
                found.append([])
            found[-1].append(key)
            before = group
        return found

    def _put(self, key: str, piece: Piece, place: Place) -> None:
        if piece.size <= IN_MEMORY:
            self.store.put(key, place.get(piece))
            return
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch, "content")
            place.get_file(piece, file)
            self.store.put_file(key, file)
