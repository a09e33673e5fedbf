"""Walking from a thing as far as it goes, in one direction."""

from collections import deque
from collections.abc import Callable
from typing import Final

from slipway.platform.lineage import things
from slipway.platform.lineage.gathering import Gatherer
from slipway.platform.lineage.graph import Graph, Kind, Node

SEEN: Final = "seen in"
JUDGED: Final = "judged on"
ENDS: Final = (SEEN, JUDGED)
"""What came of a thing by these ends there: what else was made of that did not learn from it."""


def walk(gatherer: Gatherer, start: Node, *, downstream: bool, progress: Callable[[str], None]) -> Graph:
    """All that the thing came from, or all that came of it."""
    graph = gatherer.graph
    graph.add(start)
    graph.start = start.id
    waiting, seen = deque([start]), {start.id}
    while waiting:
        node = waiting.popleft()
        progress(node.label)
        if node.kind in (Kind.SAMPLE, Kind.IDENTITY):
            _seen_in(gatherer, node, downstream=downstream)
        elif downstream:
            gatherer.down(node)
        else:
            gatherer.up(node)
        for edge, other in list(graph.next_to(node.id, downstream=downstream)):
            if other.id not in seen and not edge.relation.startswith(ENDS):
                seen.add(other.id)
                waiting.append(other)
    graph.remarks = list(dict.fromkeys((*graph.remarks, *gatherer.tables.remarks)))
    return graph


def _seen_in(gatherer: Gatherer, node: Node, *, downstream: bool) -> None:
    """A sample or an individual: the shards that hold it, or the snapshots and runs that it reached."""
    tables, graph = gatherer.tables, gatherer.graph
    asked = {"sample": node.name} if node.kind is Kind.SAMPLE else {"identity": node.name}
    for snapshot, splits, shards in tables.whereabouts(**asked):
        if not downstream:
            for shard in shards:
                size = snapshot.manifest.files[f"shards/{shard}.tar"].size
                graph.join(things.shard(shard, size), node, "holds")
            for provenance in snapshot.manifest.provenance:
                graph.join(things.source(provenance), node, "source of")
            continue
        counted = ", ".join(f"{count:,} {split}" for split, count in sorted(splits.items()))
        graph.join(node, gatherer.snapshot_node(snapshot.digest), f"{SEEN} {counted} rows of")
        for run in gatherer.catalogue.runs_on(snapshot.digest):
            if relation := snapshot.learned(run.view, **asked):
                graph.join(node, things.run(run), f"{relation} by")
