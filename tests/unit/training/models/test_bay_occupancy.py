"""bay-occupancy: its data, network, augmentation, judgement and baseline."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.validation.suite import read_suite
from slipway.platform.errors import WrongUse
from slipway.platform.models.finder import model_named
from slipway.training.config.compose import compose
from slipway.training.evaluation.assess import assess, better, paired
from slipway.training.models.bay_occupancy.augmentation import changed
from slipway.training.models.bay_occupancy.baseline import fitted
from slipway.training.models.bay_occupancy.config import AugmentationConfig, Config
from slipway.training.models.bay_occupancy.data import STATES, examples_of
from slipway.training.models.bay_occupancy.task import Occupancy, build
from slipway.training.reading.philox import Words, key_of, numbers
from slipway.training.task import Examples, seeded

NAME = "bay-occupancy"
Make = Callable[[Iterable[tuple[str, str, str]]], Snapshot]


@pytest.fixture(scope="module")
def task() -> Occupancy:
    typed = compose(NAME, ["network.widths=[8,16,16]", "network.stem=8", "network.head=8"]).typed
    assert isinstance(typed, Config)
    return build(typed)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pixels_of(examples: Examples, rows: torch.Tensor) -> torch.Tensor:
    found = np.empty((len(rows), *examples.source.size, 3), np.uint8)
    examples.source.read(rows.numpy(), found)
    return torch.from_numpy(found).permute(0, 3, 1, 2)


def seeds_of(count: int) -> Words:
    return numbers(key_of(0, "test"), np.arange(count))


def test_a_few_steps_teach_it_more_than_the_baseline_knows(bays: Snapshot, task: Occupancy) -> None:
    training, test = task.examples(bays, "train"), task.examples(bays, "test")
    seeded(0, 0, 0)
    network, criterion = task.network(training), task.criterion(training)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    images = pixels_of(training, torch.arange(training.count))
    for step in range(25):
        seeded(0, step, 0)
        seen, truth = task.augment(images, training.truth, numbers(key_of(step, "test"), np.arange(len(images))))
        optimizer.zero_grad()
        criterion(network(seen), truth)["loss"].backward()
        optimizer.step()
    with torch.no_grad():
        heads = network.eval()(pixels_of(test, torch.arange(test.count)))
    ours = task.judge(task.predictions({name: head.numpy() for name, head in heads.items()}, test), test)
    (overall, *_) = paired(task.judge(task.baseline(bays, test), test), ours)
    assert (overall.metric, better(overall)) == ("accuracy", True)
    assert (assess(ours).overall["accuracy"].value or 0) > 0.9


def test_only_bays_with_a_settled_label_are_examples_and_pictures_of_one_occasion_stay_together(
    make_bays: Make,
) -> None:
    states = ("human", "reviewed", "auto", "unlabelled", "disputed", "human", "human", "human")
    examples = examples_of(make_bays(("train", "free", state) for state in states), "train", 64)
    assert examples.count == 6
    occasions = examples.rows["occasion"].to_pylist()
    assert len(set(occasions)) == 4
    assert set(examples.rows["camera"].to_pylist()) == {"harbour/aisle"}


def test_a_snapshot_that_cannot_be_learned_from_is_refused_with_the_reason(make_bays: Make) -> None:
    with pytest.raises(WrongUse, match="labelled `half`, free or occupied expected"):
        examples_of(make_bays([("train", "half", "human")]), "train", 64)
    with pytest.raises(WrongUse, match="no labelled bays in the split `test`"):
        examples_of(make_bays([("train", "free", "human")]), "test", 64)


def test_a_patch_is_changed_by_its_own_seed_and_by_nothing_else() -> None:
    images = torch.randint(0, 256, (16, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    seeds = seeds_of(16)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    found = changed(images, seeds, AugmentationConfig())
    assert found.dtype == torch.uint8
    assert found.shape == images.shape
    assert torch.equal(found[order], changed(images[order], seeds[order.numpy()], AugmentationConfig()))
    assert not torch.equal(found, images)
    off = AugmentationConfig(flip=0, shift=0, brightness=0, tint=0, haze=0)
    assert torch.equal(changed(images, seeds, off), images)
    mirrored = AugmentationConfig(flip=1, shift=0, brightness=0, tint=0, haze=0)
    assert torch.equal(changed(images, seeds, mirrored), images.flip(-1))


def test_the_network_exports_as_a_static_graph_with_the_names_and_shapes_of_its_contract(
    bays: Snapshot, task: Occupancy
) -> None:
    contract = model_named(NAME).declaration.export
    network = task.network(task.examples(bays, "train")).eval()
    images = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    exported = torch.export.export(network, (images,), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},))
    for batch in (1, 3):
        heads = exported.module()(images[:batch])
        assert {name: head.shape[1:] for name, head in heads.items()} == {
            one.name: tuple(one.dims[1:]) for one in contract.outputs
        }
        torch.testing.assert_close(heads["logits"], network(images[:batch])["logits"])
    assert contract.outputs[0].labels == STATES
    assert contract.inputs[0].dims[1:] == (3, 64, 64)


def test_predictions_of_anybody_are_judged_in_any_order_and_with_further_columns(
    bays: Snapshot, task: Occupancy
) -> None:
    examples = task.examples(bays, "test")
    right = examples.truth["state"].numpy()
    table = pa.table(
        {
            "occupied": np.where(right == 1, 0.75, 0.5)[::-1].tolist(),
            "note": ["mine"] * examples.count,
            "free": np.where(right == 1, 0.25, 0.5)[::-1].tolist(),
            "sample": examples.rows["sample"].to_pylist()[::-1],
        }
    )
    judged = task.judge(table, examples)
    evaluation = assess(judged)
    assert evaluation.overall["accuracy"].value == 1
    assert evaluation.overall["calibration_error"].value == pytest.approx(0.375)
    assert {one.column for one in evaluation.slices} == {"light", "weather", "site", "camera"}
    assert evaluation.details["confusion"] == [[30, 0], [0, 30]]
    assert judged.samples["error"].to_pylist() == pytest.approx(np.where(right == 1, 0.25, 0.5))
    assert judged.clusters is not None
    assert judged.clusters.max() + 1 < judged.units


def test_the_baseline_fits_the_logistic_curve_that_scikit_learn_fits(seed: int) -> None:
    from sklearn.linear_model import LogisticRegression

    chance = np.random.default_rng(seed)
    density = chance.random(400)
    occupied = chance.random(400) < 1 / (1 + np.exp(1 - 3 * density))
    reference = LogisticRegression(C=1e6).fit(density[:, None], occupied)
    offset, slope = fitted(density, occupied)
    assert (offset, slope) == pytest.approx((reference.intercept_[0], reference.coef_[0, 0]), rel=1e-2)


@pytest.mark.parametrize("network", ["small", "base"])
def test_each_network_of_its_config_can_be_built(network: str, bays: Snapshot) -> None:
    typed = compose(NAME, [f"network={network}"]).typed
    assert isinstance(typed, Config)
    made = build(typed)
    with torch.no_grad():
        heads = made.network(made.examples(bays, "test")).eval()(torch.zeros(2, 3, 64, 64, dtype=torch.uint8))
    assert heads["logits"].shape == (2, 2)


def test_its_expectations_are_a_suite_that_names_what_it_learns_from() -> None:
    suite = read_suite(Path(model_named(NAME).expectations))
    named = [value for one in suite.expectations for value in one.kwargs.get("value_set", ())]
    assert {"bay", *STATES} <= set(named)


def test_its_gates_name_metrics_and_slices_that_its_evaluation_has(bays: Snapshot, task: Occupancy) -> None:
    examples = task.examples(bays, "test")
    judged = task.judge(task.baseline(bays, examples), examples)
    gates = model_named(NAME).declaration.gates
    metrics = [one.metric for one in gates.floors] + [one.metric for one in gates.worst_slice]
    metrics += [one.metric for one in gates.gaps] + [one.metric for one in gates.robustness]
    metrics.append(gates.calibration.metric if gates.calibration else None)
    assert {one for one in metrics if one} <= set(judged.metrics)
    columns = {one.column for one in gates.floors if one.column} | {one.column for one in gates.gaps}
    columns |= {column for one in gates.worst_slice for column in one.columns}
    assert columns <= set(judged.slices)


def test_its_pictures_are_drawn_where_they_are_wanted(bays: Snapshot, task: Occupancy, tmp_path: Path) -> None:
    examples = task.examples(bays, "test")
    drawn = task.pictures(task.judge(task.baseline(bays, examples), examples), examples, tmp_path)
    assert {path.name for path in drawn} == {"confusion.png", "precision-recall.png", "reliability.png", "worst.png"}
    assert sorted(drawn) == sorted(tmp_path.iterdir())
