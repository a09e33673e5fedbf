"""A graph's tree as indented lines of text."""

from collections.abc import Iterator, Sequence
from typing import Final

from slipway.platform.lineage.graph import Graph
from slipway.platform.lineage.tree import Branch, branches, told_facts

FIRST: Final = 3
"""Of many of one kind, so many are named."""


def as_text(graph: Graph, *, downstream: bool) -> list[str]:
    """The lines."""
    start = graph.nodes[graph.start]
    lines = [start.label, *(f"  {name}: {value}" for name, value in start.facts.items())]
    below = list(_lines(branches(graph, downstream=downstream), ""))
    nothing = "Nothing came of it yet." if downstream else "Nothing is known of where it came from."
    return [printable(one) for one in (*lines, *(below or [nothing]), *(f"! {remark}" for remark in graph.remarks))]


def printable(line: str) -> str:
    """A line without what would steer a terminal."""
    return "".join(one for one in line if one.isprintable())


def _lines(told: Sequence[Branch], indent: str) -> Iterator[str]:
    for at, one in enumerate(told):
        branch, inner = ("└─ ", "   ") if at == len(told) - 1 else ("├─ ", "│  ")
        yield f"{indent}{branch}{one.relation}: {_named(one)}"
        yield from _lines(one.below, indent + inner)


def _named(one: Branch) -> str:
    node = one.node
    if one.many:
        return f"{len(one.nodes):,} {node.kind}s: {', '.join(each.label for each in one.nodes[:FIRST])} …"
    if one.again:
        return f"{node.label} (see above)"
    told = "; ".join(f"{name} {value}" for name, value in told_facts(node).items())
    return f"{node.label}  [{told}]" if told else node.label
