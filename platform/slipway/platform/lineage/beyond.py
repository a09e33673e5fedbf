"""What other distributions know of lineage: things of their own, and what they come from.

They stand in the entry-point group `slipway.lineage`: a name, and a function that takes the gatherer and gives a
`Beyond`. It is called at the first question, and should import what is heavy only for things of its own.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, Protocol

from slipway.platform.lineage.graph import Node

if TYPE_CHECKING:
    from slipway.platform.lineage.gathering import Gatherer

GROUP: Final = "slipway.lineage"


class Beyond(Protocol):
    """Knows the neighbours of things that are kept elsewhere."""

    def named(self, name: str) -> Iterator[Node]:
        """The things of its own that are meant by a name of this form; nothing is looked up."""

    def known(self, name: str) -> Iterator[Node]:
        """The things of its own that have this name, where nothing else has it."""

    def up(self, node: Node) -> None:
        """Put what the thing came from into the gatherer's graph."""

    def down(self, node: Node) -> None:
        """Put what came of the thing into the gatherer's graph."""

    def rows(self, node: Node) -> Iterator[Sequence[str]]:
        """Decisions in the field that rest on the thing, under `COLUMNS`."""


COLUMNS: Final = ("decision", "model", "release", "device", "at", "bundle")
"""Of the table of decisions."""


def load_beyond(gatherer: "Gatherer") -> list[Beyond]:
    """Of everything that is installed."""
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    return [point.load()(gatherer) for point in points]


def table(gatherer: "Gatherer") -> Iterator[str]:
    """CSV of the decisions that rest on the things of a graph, line by line."""
    nodes = list(gatherer.graph.nodes.values())
    yield _line(COLUMNS)
    yield from (_line(row) for one in gatherer.beyond for node in nodes for row in one.rows(node))


def _line(row: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()
