"""Re-identification is judged as the field does, and exactly as two other implementations do it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import torch
from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from pytorch_metric_learning.utils.inference import CustomKNN
from sklearn.metrics import average_precision_score

from slipway.platform.errors import WrongUse
from slipway.training.evaluation.assess import assess
from slipway.training.evaluation.embeddings import EMBEDDING, embeddings_of, table_of_embeddings
from slipway.training.evaluation.judged import Judged
from slipway.training.evaluation.retrieval import judged, ranked

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Seen:
    """Embeddings with who and where."""

    embeddings: Floats
    identities: Integers
    cameras: Integers

    @property
    def rows(self) -> pa.Table:
        """As a model gives them."""
        names = [None if one < 0 else f"v{one}" for one in self.identities.tolist()]
        return pa.table(
            {
                "sample": [f"s{row}" for row in range(len(names))],
                "identity": pa.array(names, pa.string()),
                "camera": [f"c{one}" for one in self.cameras.tolist()],
                "light": ["night" if row % 3 else "day" for row in range(len(names))],
            }
        )

    def judged(self) -> Judged:
        """Held against the truth."""
        return judged(self.embeddings, self.rows, ["light"])


def seen(seed: int, count: int = 120, individuals: int = 15, cameras: int = 4) -> Seen:
    """Individuals that are more or less alike; one in ten has no identity."""
    chance = np.random.default_rng(seed)
    identities = chance.integers(0, individuals, count)
    centres = chance.normal(size=(individuals, 8))
    embeddings = (centres[identities] + chance.normal(0, 1.2, (count, 8))).astype(np.float32)
    identities[chance.random(count) < 0.1] = -1
    return Seen(embeddings, identities, chance.integers(0, cameras, count))


def overall(one: Judged) -> dict[str, float]:
    return {name: metric(np.ones(one.units)) for name, metric in one.metrics.items()}


def naive(one: Seen) -> dict[str, float]:
    """The definitions, one query and one picture of the gallery at a time."""
    unit = one.embeddings.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    found: dict[str, list[float]] = {"mAP": [], "rank-1": [], "rank-5": [], "rank-10": [], "mINP": []}
    for query, identity in enumerate(one.identities):
        if identity < 0:
            continue
        gallery = []
        for row in range(len(unit)):
            if one.identities[row] == identity and one.cameras[row] == one.cameras[query]:
                continue
            gallery.append((-float(unit[query] @ unit[row]), bool(one.identities[row] == identity)))
        hits = [hit for _, hit in sorted(gallery)]
        if True not in hits:
            continue
        ranks = [rank for rank, hit in enumerate(hits, 1) if hit]
        found["mAP"].append(sum(number / rank for number, rank in enumerate(ranks, 1)) / len(ranks))
        found["mINP"].append(len(ranks) / ranks[-1])
        for limit in (1, 5, 10):
            found[f"rank-{limit}"].append(float(ranks[0] <= limit))
    return {name: float(np.mean(values)) for name, values in found.items()}


@pytest.mark.parametrize("number", range(3))
def test_all_metrics_are_those_of_a_naive_loop(seed: int, number: int) -> None:
    one = seen(1000 * seed + number)

    assert overall(one.judged()) == pytest.approx(naive(one), abs=1e-6)


def test_average_precision_is_scikit_learns(seed: int) -> None:
    one = seen(seed)
    found = ranked(one.embeddings, one.identities, one.cameras)
    unit = one.embeddings / np.linalg.norm(one.embeddings, axis=1)[:, None]
    for query, precision in zip(found.queries, found.precision, strict=True):
        same = one.identities == one.identities[query]
        kept = ~(same & (one.cameras == one.cameras[query]))
        assert precision == pytest.approx(average_precision_score(same[kept], unit[kept] @ unit[query]), abs=1e-6)


def test_where_every_picture_has_a_camera_of_its_own_it_is_metric_learnings_calculator(seed: int) -> None:
    one = seen(seed)
    known = one.identities >= 0
    alone = Seen(one.embeddings[known], one.identities[known], np.arange(known.sum()))
    unit = alone.embeddings / np.linalg.norm(alone.embeddings, axis=1)[:, None]
    calculator = AccuracyCalculator(
        include=("precision_at_1", "mean_average_precision"), k=len(unit) - 1, knn_func=CustomKNN(CosineSimilarity())
    )
    theirs = calculator.get_accuracy(torch.from_numpy(unit), torch.from_numpy(alone.identities))

    values = overall(alone.judged())
    assert values["rank-1"] == pytest.approx(theirs["precision_at_1"], abs=1e-6)
    assert values["mAP"] == pytest.approx(theirs["mean_average_precision"], abs=1e-6)


def test_what_the_same_camera_saw_of_the_same_individual_is_neither_hit_nor_miss() -> None:
    east, north = [1.0, 0.0], [0.0, 1.0]
    one = Seen(np.array([east, east, [0.6, 0.8], north], np.float32), np.array([7, 7, 7, 8]), np.array([0, 0, 1, 1]))
    found = ranked(one.embeddings, one.identities, one.cameras)

    assert found.queries.tolist() == [0, 1, 2]
    # The picture beside it is dropped, so the third comes first, before the stranger.
    assert found.first.tolist() == [1, 1, 2]
    assert found.matches.tolist() == [1, 1, 2]
    assert found.nearest[0, :3].tolist() == [2, 3, -1]


def test_a_query_that_nobody_else_saw_is_left_out_and_counted() -> None:
    one = Seen(np.eye(4, dtype=np.float32) + 0.1, np.array([0, 0, 1, 2]), np.array([0, 1, 0, 1]))
    found = one.judged()

    assert found.units == 2
    assert found.details["queries without a match"] == 2
    assert found.details["queries"] == 2


def test_a_picture_without_identity_is_in_the_way_and_is_no_query() -> None:
    vectors = np.array([[1, 0], [0.7, 0.7], [0.99, 0.1]], np.float32)
    found = ranked(vectors, np.array([0, 0, -1]), np.array([0, 1, 1]))

    assert found.queries.tolist() == [0, 1]
    assert found.first.tolist() == [2, 2]


def test_an_embedding_that_says_nothing_gains_nothing() -> None:
    one = seen(0)
    nothing = Seen(np.ones_like(one.embeddings), one.identities, one.cameras)

    assert overall(nothing.judged())["rank-10"] == 0
    assert overall(nothing.judged())["mAP"] < naive(one)["mAP"] / 2


def test_the_length_of_a_vector_and_the_order_of_pictures_change_nothing() -> None:
    one = seen(1)
    chance = np.random.default_rng(2)
    order = chance.permutation(len(one.identities))
    longer = one.embeddings * chance.uniform(0.1, 10, (len(order), 1)).astype(np.float32)
    other = Seen(longer[order], one.identities[order], one.cameras[order])

    assert overall(other.judged()) == pytest.approx(overall(one.judged()), abs=1e-6)


def test_a_slice_holds_the_queries_that_are_in_it_and_searches_all_of_the_gallery() -> None:
    one = seen(3)
    found = one.judged()
    evaluation = assess(found, draws=20)
    night = next(part for part in evaluation.slices if part.name == "night")

    scores = 1 - found.samples["error"].to_numpy()
    members = found.slices["light"] == "night"
    assert night.measures["mAP"].value == pytest.approx(scores[members].mean())
    assert night.measures["mAP"].units == members.sum()


def test_intervals_draw_individuals_and_so_are_wider_than_those_of_pictures() -> None:
    chance = np.random.default_rng(5)
    individuals = np.repeat(np.arange(12), 20)
    # Half of them are found always, the others never: twelve facts, not 240.
    centres = chance.normal(size=(12, 16))
    spread = np.where(np.arange(12) % 2, 0.05, 3.0)[individuals]
    embeddings = (centres[individuals] + spread[:, None] * chance.normal(size=(240, 16))).astype(np.float32)
    one = Seen(embeddings, individuals, np.tile(np.arange(4), 60)).judged()

    def width(what: Judged) -> float:
        measure = assess(what, draws=200).overall["mAP"]
        assert measure.low is not None
        assert measure.high is not None
        return measure.high - measure.low

    assert one.clusters is not None
    assert len(set(one.clusters.tolist())) == 12
    alone = Judged(one.metrics, one.units, one.slices, one.samples)
    assert width(one) > 2 * width(alone)


def test_a_line_for_each_query_says_what_came_first_and_whether_it_was_right() -> None:
    one = seen(4)
    found = one.judged().samples.to_pylist()
    rows = {row["sample"]: row for row in one.rows.to_pylist()}
    for line in found:
        assert len(line["nearest"]) == 10
        assert line["hits"] == [rows[sample]["identity"] == line["identity"] for sample in line["nearest"]]
        assert (line["first"] == 1) == line["hits"][0]
        assert not any(
            rows[sample]["camera"] == line["camera"] and rows[sample]["identity"] == line["identity"]
            for sample in line["nearest"]
        )


def test_a_split_in_which_nobody_was_seen_twice_cannot_be_judged() -> None:
    one = Seen(np.eye(3, dtype=np.float32), np.arange(3), np.zeros(3, np.int64))
    with pytest.raises(WrongUse, match="seen by two cameras"):
        one.judged()


def test_predictions_survive_the_table_in_any_order_and_kind_of_list() -> None:
    one = seen(6)
    table = table_of_embeddings(one.rows, one.embeddings)
    assert table.schema.field(EMBEDDING).type == pa.list_(pa.float32(), 8)

    turned = table.take(list(range(table.num_rows))[::-1])
    free = turned.set_column(1, EMBEDDING, turned[EMBEDDING].cast(pa.list_(pa.float64())))
    for given in (table, turned, free):
        assert np.array_equal(embeddings_of(given, one.rows), one.embeddings)
    whole = [[1, row, -row] for row in range(table.num_rows)]
    assert embeddings_of(table.set_column(1, EMBEDDING, [whole]), one.rows).tolist() == whole


def _with(table: pa.Table, line: int, vector: list[float] | None) -> pa.Table:
    vectors = table[EMBEDDING].to_pylist()
    vectors[line] = vector
    return pa.table({"sample": table["sample"].combine_chunks(), EMBEDDING: pa.array(vectors, pa.list_(pa.float32()))})


BAD: list[tuple[str, Callable[[pa.Table], pa.Table]]] = [
    (r"no column `embedding`", lambda table: table.rename_columns(["sample", "embeding"])),
    (r"Row 4, column `embedding`: a value that is no finite", lambda table: _with(table, 3, [float("nan")] * 8)),
    (r"Row 5, column `embedding`: a vector of zeros", lambda table: _with(table, 4, [0.0] * 8)),
    (r"Row 6, column `embedding`: a vector whose length", lambda table: _with(table, 5, [1.0] * 7)),
    (r"Row 7, column `embedding`: no vector", lambda table: _with(table, 6, None)),
    (r"holds int64, lists of float32 expected", lambda table: table.set_column(1, EMBEDDING, [list(range(120))])),
    (r"1 of 120 samples have no line", lambda table: table.slice(1)),
]


@pytest.mark.parametrize(("said", "spoil"), BAD, ids=[said for said, _ in BAD])
def test_a_bad_table_of_predictions_is_told_with_line_and_column(
    said: str, spoil: Callable[[pa.Table], pa.Table]
) -> None:
    one = seen(7)
    with pytest.raises(WrongUse, match=said):
        embeddings_of(spoil(table_of_embeddings(one.rows, one.embeddings)), one.rows)
