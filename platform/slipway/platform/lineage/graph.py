"""Things, and what came of what: a small typed graph without circles.

A node's id is its kind and the thing's own name, so the same thing has the same id whoever asks, and whenever.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The kinds of things."""

    SOURCE = "source"
    SHARD = "shard"
    IDENTITY = "identity"
    SAMPLE = "sample"
    SNAPSHOT = "snapshot"
    ROWS = "rows"
    VALIDATION = "validation"
    COMMIT = "commit"
    FILE = "file"
    CODE = "code"
    CONFIG = "config"
    LOCK = "lock"
    WEIGHTS = "weights"
    RUN = "run"
    ATTEMPT = "attempt"
    EXPORT = "export"
    BUNDLE = "bundle"
    VERDICT = "verdict"
    DECISION = "decision"
    VERSION = "version"
    RELEASE = "release"
    DEVICE = "device"
    EVENT = "event"
    """What one device decided about one picture."""


@dataclass(frozen=True)
class Node:
    """A thing."""

    kind: Kind
    name: str
    """Its own name: a digest, a key, a path, a number."""
    label: str = ""
    """What a person reads."""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The same everywhere."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Edge:
    """The second came of the first."""

    origin: str
    outcome: str
    relation: str
    """What the first is to the second, in words: `trained on`, `made by`."""


@dataclass
class Graph:
    """Nodes by id, and edges; `start` is what was asked for."""

    start: str = ""
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[tuple[str, str], Edge] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    """What could not be looked at, a sentence each."""
    _before: dict[str, list[Edge]] = field(default_factory=lambda: defaultdict(list), repr=False)
    _after: dict[str, list[Edge]] = field(default_factory=lambda: defaultdict(list), repr=False)

    def add(self, node: Node) -> Node:
        """Put a node in; one that is there stays."""
        return self.nodes.setdefault(node.id, node)

    def join(self, origin: Node, outcome: Node, relation: str) -> None:
        """The second came of the first; both are put in."""
        self.add(origin), self.add(outcome)
        if (origin.id, outcome.id) not in self.edges:
            edge = Edge(origin.id, outcome.id, relation)
            self.edges[origin.id, outcome.id] = edge
            self._before[outcome.id].append(edge)
            self._after[origin.id].append(edge)

    def next_to(self, node: str, *, downstream: bool) -> Iterator[tuple[Edge, Node]]:
        """What it came from, or what came of it, in the order in which it was found."""
        for edge in (self._after if downstream else self._before).get(node, ()):
            yield edge, self.nodes[edge.outcome if downstream else edge.origin]

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        nodes = [
            {"id": one.id, "kind": str(one.kind), "name": one.name, "label": one.label, "facts": dict(one.facts)}
            for one in self.nodes.values()
        ]
        edges = [{"from": one.origin, "to": one.outcome, "relation": one.relation} for one in self.edges.values()]
        return {"start": self.start, "nodes": nodes, "edges": edges, "remarks": self.remarks}
