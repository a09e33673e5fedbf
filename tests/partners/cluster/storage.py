"""Where the objects are: one revision counter, and the history from which watches are served.

Every change happens under one lock, which is also what controllers and watches wait at. What goes in and out is copied.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cluster.errors import already_exists, conflict, expired, not_found
from cluster.kinds import Kind
from cluster.objects import Json, clone, name_of, namespace_of

Place = tuple[str, str]


@dataclass(frozen=True)
class Change:
    """One entry of the history."""

    revision: int
    kind: Kind
    what: str
    """`ADDED`, `MODIFIED` or `DELETED`."""
    thing: Json
    before: Json | None


class Storage:
    """All objects of the cluster."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.revision = 1
        self.oldest = 1
        """Watches may start here or later."""
        self.history: list[Change] = []
        self._things: dict[Kind, dict[Place, Json]] = {}

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        found = self.find(kind, namespace, name)
        if found is None:
            raise not_found(kind, name)
        return found

    def find(self, kind: Kind, namespace: str, name: str) -> Json | None:
        with self.changed:
            found = self._things.get(kind, {}).get((namespace, name))
            return None if found is None else clone(found)

    def all_of(self, kind: Kind, namespace: str | None = None) -> list[Json]:
        """All of a kind, by place."""
        with self.changed:
            things = self._things.get(kind, {})
            return [clone(things[place]) for place in sorted(things) if namespace in {None, "", place[0]}]

    def every(self) -> Iterator[tuple[Kind, Json]]:
        """All objects."""
        with self.changed:
            everything = [(kind, clone(thing)) for kind, things in self._things.items() for thing in things.values()]
        return iter(everything)

    def add(self, kind: Kind, thing: Json) -> Json:
        with self.changed:
            place = namespace_of(thing), name_of(thing)
            if place in self._things.setdefault(kind, {}):
                raise already_exists(kind, place[1])
            return self._note(kind, "ADDED", thing, None)

    def replace(self, kind: Kind, thing: Json) -> Json:
        """Put a changed object in the old one's place, if nobody changed that meanwhile."""
        with self.changed:
            before = self.get(kind, namespace_of(thing), name_of(thing))
            if thing["metadata"].get("resourceVersion", "") != before["metadata"]["resourceVersion"]:
                raise conflict(kind, name_of(thing))
            if thing == before:
                return before
            return self._note(kind, "MODIFIED", thing, before)

    def change(self, kind: Kind, thing: Json, edit: Callable[[Json], object]) -> Json | None:
        """Change what is there now, if it is still the same object."""
        with self.changed:
            now = self.find(kind, namespace_of(thing), name_of(thing))
            if now is None or now["metadata"]["uid"] != thing["metadata"]["uid"]:
                return None
            edit(now)
            return self.replace(kind, now)

    def remove(self, kind: Kind, namespace: str, name: str) -> Json:
        with self.changed:
            thing = self.get(kind, namespace, name)
            del self._things[kind][namespace, name]
            return self._note(kind, "DELETED", thing, thing)

    def since(self, revision: int) -> list[Change]:
        """What happened after that revision; 410 when too much was forgotten."""
        with self.changed:
            if revision < self.oldest:
                raise expired(revision, self.oldest)
            return self.history[revision - self.oldest :]

    def forget_history(self) -> None:
        """What compaction does: older revisions can be watched from no more."""
        with self.changed:
            self.oldest = self.revision
            self.history.clear()
            self.changed.notify_all()

    def _note(self, kind: Kind, what: str, thing: Json, before: Json | None) -> Json:
        self.revision += 1
        thing = clone(thing)
        thing["metadata"]["resourceVersion"] = str(self.revision)
        if what != "DELETED":
            self._things[kind][namespace_of(thing), name_of(thing)] = thing
        self.history.append(Change(self.revision, kind, what, clone(thing), before))
        self.changed.notify_all()
        return clone(thing)
