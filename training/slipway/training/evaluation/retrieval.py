"""Judging re-identification: can each individual be found among what other cameras saw?

Every row with an identity is a query once, all rows are the gallery. What the query's own camera saw of the same
individual is dropped, the query with it: to find that again would be no achievement. A query of which nothing is left
to find is left out, and counted. The gallery is ranked by cosine similarity; equally near rows count against the query,
so an embedding that says nothing gains nothing.

Each query gives an average precision (their mean is mAP), the rank of its first match (CMC), and the inverse negative
penalty (mINP): how many matches there are, over the rank of the last one. Intervals draw individuals, not queries,
because pictures of one individual fail and succeed together; the gallery stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from slipway.platform.data.columns import column_of, take
from slipway.platform.errors import WrongUse
from slipway.training.evaluation.judged import Judged, Metric
from slipway.training.evaluation.slices import slices_of
from slipway.training.evaluation.weighted import Mean, Values
from slipway.training.reading.identities import codes
from slipway.training.reading.philox import Integers
from slipway.training.reading.source import strings

Floats = npt.NDArray[np.float32]

NONE: Final = -1
"""No identity: such a row is in the gallery and is never searched for."""
RANKS: Final = (1, 5, 10)
SHOWN: Final = 10
"""How many of the nearest are kept for each query, to be looked at."""
CURVE: Final = 50
CHUNK: Final = 512


@dataclass(frozen=True)
class Ranked:
    """What each query found; the lines are the queries that have something to find."""

    queries: Integers
    """Rows of the gallery."""
    precision: Values
    """Average precision."""
    penalty: Values
    """Inverse negative penalty."""
    first: Integers
    """Rank of the first match, from 1."""
    matches: Integers
    """How many there are to find."""
    nearest: Integers
    """Rows of the gallery from the nearest on; `NONE` where there are no more."""
    unmatched: int
    """Queries that have nothing to find."""


@dataclass
class _Found:
    """Lists in the making."""

    queries: list[int] = field(default_factory=list)
    precision: list[float] = field(default_factory=list)
    penalty: list[float] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    matches: list[int] = field(default_factory=list)
    nearest: list[Integers] = field(default_factory=list)


def ranked(embeddings: Floats, identities: Integers, cameras: Integers, shown: int = SHOWN) -> Ranked:
    """Search for every row with an identity among all rows."""
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    queries = np.flatnonzero(identities != NONE)
    found = _Found()
    for begin in range(0, len(queries), CHUNK):
        chosen = queries[begin : begin + CHUNK]
        for query, near in zip(chosen.tolist(), unit[chosen] @ unit.T, strict=True):
            _search(query, near, identities, cameras, shown, found)
    return Ranked(
        queries=np.array(found.queries, np.int64),
        precision=np.array(found.precision, np.float64),
        penalty=np.array(found.penalty, np.float64),
        first=np.array(found.first, np.int64),
        matches=np.array(found.matches, np.int64),
        nearest=np.array(found.nearest, np.int64).reshape(-1, shown),
        unmatched=len(queries) - len(found.queries),
    )


def _search(query: int, near: Floats, identities: Integers, cameras: Integers, shown: int, found: _Found) -> None:
    """Where the matches of one query are ranked."""
    same = identities == identities[query]
    wanted = same & (cameras != cameras[query])
    if not wanted.any():
        return
    others = np.sort(near[~same])
    hits = np.sort(near[wanted])[::-1]
    before = len(others) - np.searchsorted(others, hits, side="left")
    order = np.arange(1, len(hits) + 1)
    ranks = before + order
    found.queries.append(query)
    found.precision.append(float(np.mean(order / ranks)))
    found.penalty.append(len(hits) / float(ranks[-1]))
    found.first.append(int(ranks[0]))
    found.matches.append(len(hits))
    found.nearest.append(_nearest(near, wanted, same, shown))


def _nearest(near: Floats, wanted: npt.NDArray[np.bool_], same: npt.NDArray[np.bool_], shown: int) -> Integers:
    """The rows that a person would be shown; equally near ones in the order that counts."""
    allowed = np.flatnonzero(wanted | ~same)
    count = min(shown, len(allowed))
    edge = np.partition(near[allowed], len(allowed) - count)[len(allowed) - count]
    few = allowed[near[allowed] >= edge]
    best = few[np.lexsort((few, wanted[few], -near[few]))][:count]
    return np.concatenate([best, np.full(shown - count, NONE, np.int64)])


def judged(embeddings: Floats, rows: pa.Table, slices: Sequence[str] = ()) -> Judged:
    """Embeddings of `rows`, which have `sample`, `identity`, `camera` and the columns of `slices`."""
    identities, cameras = codes(rows["identity"]), codes(rows["camera"])
    found = ranked(embeddings, identities, cameras)
    if not len(found.queries):
        raise WrongUse(
            "No individual was seen by two cameras, so there is nothing to find.",
            mend="Judge on a split with individuals that several cameras saw.",
        )
    asked = take(rows, found.queries)
    clusters = np.unique(identities[found.queries], return_inverse=True)[1].astype(np.int64)
    return Judged(
        metrics=_metrics(found),
        units=len(found.queries),
        slices=slices_of(asked, {name: name for name in slices}),
        samples=_samples(found, rows, identities),
        details=_details(found, clusters),
        clusters=clusters,
    )


def _metrics(found: Ranked) -> Mapping[str, Metric]:
    scores: dict[str, Values] = {"mAP": found.precision}
    scores |= {f"rank-{rank}": (found.first <= rank).astype(np.float64) for rank in RANKS}
    scores["mINP"] = found.penalty
    return {name: Mean(values) for name, values in scores.items()}


def _details(found: Ranked, clusters: Integers) -> Mapping[str, Any]:
    curve = [float(np.mean(found.first <= rank)) for rank in range(1, CURVE + 1)]
    return {
        "cmc": curve,
        "queries": len(found.queries),
        "queries without a match": found.unmatched,
        "individuals": int(clusters.max()) + 1,
    }


def _samples(found: Ranked, rows: pa.Table, identities: Integers) -> pa.Table:
    """A line for each query: how badly it went, and what it found instead."""
    samples = np.array(strings(rows["sample"]))
    asked = take(rows, found.queries)
    shown = [line[line != NONE] for line in found.nearest]
    hits = [identities[line] == identities[query] for query, line in zip(found.queries, shown, strict=True)]
    return pa.table(
        {
            "sample": column_of(asked, "sample"),
            "error": pa.array(1 - found.precision),
            "identity": column_of(asked, "identity"),
            "camera": column_of(asked, "camera"),
            "first": pa.array(found.first),
            "matches": pa.array(found.matches),
            "nearest": pa.array([samples[line].tolist() for line in shown], pa.list_(pa.string())),
            "hits": pa.array([line.tolist() for line in hits], pa.list_(pa.bool_())),
        }
    )
