"""A graph as a tree: what was asked for, and below each thing what it came from, or what came of it.

A thing that several others share is told in full once, and named after that. Many of one kind are one branch.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from slipway.platform.lineage.graph import Edge, Graph, Node

FOLDED: Final = 6
"""More neighbours of one kind and relation are one branch."""
TURNED: Final = frozenset({"by", "of", "on", "at"})
"""Words at the end of a relation that point from the first thing to the second."""
HIDDEN: Final = frozenset({"digest", "sha256", "key", "id", "commit", "model", "bundle", "revision"})
"""Facts that the label has, at least their beginning."""


@dataclass(frozen=True)
class Branch:
    """A thing, or many of one kind, and what is below."""

    relation: str
    nodes: Sequence[Node]
    again: bool = False
    """Whether it was told before."""
    below: Sequence["Branch"] = ()

    @property
    def many(self) -> bool:
        """Whether they are told together, with nothing below."""
        return len(self.nodes) > 1

    @property
    def node(self) -> Node:
        """The thing, or the first of many."""
        return self.nodes[0]


def branches(graph: Graph, *, downstream: bool) -> list[Branch]:
    """What is below the thing that was asked for."""
    return list(_below(graph, graph.nodes[graph.start], downstream, {graph.start}))


def _below(graph: Graph, node: Node, downstream: bool, told: set[str]) -> Iterator[Branch]:  # noqa: FBT001
    for relation, others in _grouped(graph, node, downstream=downstream):
        if len(others) > 1:
            yield Branch(relation, others)
            continue
        again = others[0].id in told
        told.add(others[0].id)
        below = () if again else tuple(_below(graph, others[0], downstream, told))
        yield Branch(relation, others, again, below)


def _grouped(graph: Graph, node: Node, *, downstream: bool) -> Iterator[tuple[str, list[Node]]]:
    """Neighbours, those of one kind and relation together where there are many, else each alone."""
    groups: dict[tuple[str, str], list[Node]] = defaultdict(list)
    for edge, other in graph.next_to(node.id, downstream=downstream):
        groups[other.kind, told_relation(edge, downstream=downstream)].append(other)
    for (_, relation), others in groups.items():
        if len(others) > FOLDED:
            yield relation, others
        else:
            yield from ((relation, [one]) for one in others)


def told_relation(edge: Edge, *, downstream: bool) -> str:
    """The relation as it is read in this direction."""
    if downstream:
        return edge.relation
    words, _, last = edge.relation.rpartition(" ")
    return words if last in TURNED else edge.relation


def told_facts(node: Node) -> dict[str, str]:
    """Facts that the label does not have."""
    return {name: value for name, value in node.facts.items() if name not in HIDDEN and value not in node.label}
