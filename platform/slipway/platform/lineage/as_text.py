"""A graph as an indented tree: what was asked for, and below each thing what it came from, or what came of it.

A thing that several others share is written out once and named after that. Many of one kind are folded into a line.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from slipway.platform.lineage.graph import Edge, Graph, Node

FOLDED: Final = 6
"""More neighbours of one kind and relation are told by their number and the first few."""
FIRST: Final = 3
TURNED: Final = frozenset({"by", "of", "on", "at"})
"""Words at the end of a relation that point from the first thing to the second."""
HIDDEN: Final = frozenset({"digest", "sha256", "key", "id", "commit", "model", "bundle", "revision"})
"""Facts that the label has, at least their beginning."""


def as_text(graph: Graph, *, downstream: bool) -> list[str]:
    """The lines."""
    start = graph.nodes[graph.start]
    lines = [start.label, *(f"  {name}: {value}" for name, value in start.facts.items())]
    below = list(_below(graph, start, "", downstream, {start.id}))
    nothing = "Nothing came of it yet." if downstream else "Nothing is known of where it came from."
    return [printable(one) for one in (*lines, *(below or [nothing]), *(f"! {remark}" for remark in graph.remarks))]


def printable(line: str) -> str:
    """A line without what would steer a terminal."""
    return "".join(one for one in line if one.isprintable())


def _below(graph: Graph, node: Node, indent: str, downstream: bool, told: set[str]) -> Iterator[str]:  # noqa: FBT001
    groups = list(_grouped(graph, node, downstream=downstream))
    for at, (relation, others) in enumerate(groups):
        last = at == len(groups) - 1
        branch, inner = ("└─ ", "   ") if last else ("├─ ", "│  ")
        if len(others) > FOLDED:
            first = ", ".join(one.label for one in others[:FIRST])
            yield f"{indent}{branch}{relation}: {len(others):,} {others[0].kind}s: {first} …"
            continue
        for other in others:
            again = other.id in told
            told.add(other.id)
            yield f"{indent}{branch}{relation}: {other.label}{' (see above)' if again else _facts(other)}"
            if not again:
                yield from _below(graph, other, indent + inner, downstream, told)


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


def _facts(node: Node) -> str:
    told = [f"{name} {value}" for name, value in node.facts.items() if name not in HIDDEN and value not in node.label]
    return f"  [{'; '.join(told)}]" if told else ""
