"""From what a person writes to its lineage, with all that is opened on the way closed at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from slipway.platform.data.project import Project
from slipway.platform.data.watching import SILENT, Watcher
from slipway.platform.errors import SlipwayError
from slipway.platform.lineage.catalogue import read_catalogue
from slipway.platform.lineage.gathering import Gatherer
from slipway.platform.lineage.naming import thing_named
from slipway.platform.lineage.tables import Tables
from slipway.platform.lineage.walking import walk
from slipway.platform.registry.desk import Desk

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded


class Told(Protocol):
    """Hears how far it is, and may say that it is enough."""

    def count(self, what: str, done: int, total: int) -> None:
        """So many of these are read."""

    def looking(self, label: str) -> None:
        """This is looked at."""


class Enough(SlipwayError):
    """Raised by whoever is told: what was found by then is the answer."""


@contextmanager
def traced(
    loaded: "Loaded", thing: str, *, downstream: bool, told: Told, watcher: Watcher = SILENT, fetch: bool = True
) -> Iterator[Gatherer]:
    """What the thing came from, or what came of it; without `fetch` only tables that are here are read."""
    desk, project = Desk.of(loaded), Project(loaded.root, loaded.settings)
    catalogue = read_catalogue(desk.store, loaded.settings.data.cache / "lineage", told.count)
    with Gatherer(desk, catalogue, Tables(project, watcher, fetch=fetch)) as gatherer:
        start = thing_named(gatherer, project, thing)
        try:
            walk(gatherer, start, downstream=downstream, progress=told.looking)
        except Enough as enough:
            gatherer.graph.remarks.append(str(enough))
        yield gatherer
