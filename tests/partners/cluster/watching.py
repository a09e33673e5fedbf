"""Watches: the history of a kind from some revision on, as a stream of lines."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Final

from cluster import selectors
from cluster.errors import ApiError, bad_request
from cluster.objects import Json, namespace_of
from cluster.routing import Target, truth
from cluster.storage import Change, Storage

BOOKMARK_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.5
LONGEST_SECONDS: Final = 1800


class Watches:
    """Serves all watches of a storage."""

    def __init__(self, storage: Storage, stopping: Callable[[], bool]) -> None:
        self._storage = storage
        self._stopping = stopping

    def follow(self, target: Target) -> Iterator[bytes]:
        """From the revision asked for; without one, from what is there now. One that is forgotten raises."""
        asked = target.query.get("resourceVersion", "")
        if not asked.isdecimal() and asked:
            raise bad_request(f'Invalid value: "{asked}": strconv.ParseUint: parsing "{asked}": invalid syntax')
        start: list[Json] = []
        with self._storage.changed:
            revision = self._storage.revision
            if asked in {"", "0"}:
                start = self._storage.all_of(target.kind, target.space)
            else:
                revision = int(asked)
                self._storage.since(revision)
        return self._stream(target, start, revision)

    def _stream(self, target: Target, start: list[Json], revision: int) -> Iterator[bytes]:
        matches = _matcher(target)
        until = time.monotonic() + float(target.query.get("timeoutSeconds") or LONGEST_SECONDS)
        bookmark = time.monotonic() + BOOKMARK_SECONDS
        for thing in filter(matches, start):
            yield _line("ADDED", thing)
        while time.monotonic() < until and not self._stopping():
            try:
                changes, revision = self._next(revision, until)
            except ApiError as error:
                yield _line("ERROR", error.status())
                return
            told = [line for change in changes if change.kind is target.kind and (line := _told(change, matches))]
            yield b"".join(told)  # empty too: the connection then notices whether anybody listens
            if truth(target.query, "allowWatchBookmarks") and time.monotonic() > bookmark:
                bookmark = time.monotonic() + BOOKMARK_SECONDS
                yield _line("BOOKMARK", _bookmark(target, revision))

    def _next(self, revision: int, until: float) -> tuple[list[Change], int]:
        """What happened since, after a moment's wait where that is nothing."""
        with self._storage.changed:
            if self._storage.revision == revision:
                self._storage.changed.wait(max(0.0, min(POLL_SECONDS, until - time.monotonic())))
            return self._storage.since(revision), self._storage.revision


def _matcher(target: Target) -> Callable[[Json], bool]:
    by_labels = selectors.by_labels(target.query.get("labelSelector", ""))
    by_fields = selectors.by_fields(target.kind, target.query.get("fieldSelector", ""))
    return lambda thing: target.space in {"", namespace_of(thing)} and by_labels(thing) and by_fields(thing)


def _told(change: Change, matches: Callable[[Json], bool]) -> bytes:
    """What a watcher hears of a change: an object that begins or ceases to match comes and goes."""
    now = change.what != "DELETED" and matches(change.thing)
    before = change.before is not None and matches(change.before)
    if now:
        return _line("MODIFIED" if before else "ADDED", change.thing)
    return _line("DELETED", change.thing) if before else b""


def _line(what: str, thing: Json) -> bytes:
    return json.dumps({"type": what, "object": thing}).encode() + b"\n"


def _bookmark(target: Target, revision: int) -> Json:
    metadata = {"resourceVersion": str(revision), "creationTimestamp": None}
    return {"kind": target.kind.kind, "apiVersion": target.kind.api_version, "metadata": metadata}
