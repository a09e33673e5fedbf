"""vehicle-reid: its data, batches, network, losses, augmentation, judgement and baseline."""

import random
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.validation.suite import read_suite
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.errors import WrongUse
from slipway.platform.models.finder import model_named
from slipway.training.config.compose import compose
from slipway.training.evaluation.assess import better, paired
from slipway.training.evaluation.judged import Judged
from slipway.training.models.vehicle_reid.augmentation import changed
from slipway.training.models.vehicle_reid.baseline import histogram
from slipway.training.models.vehicle_reid.config import AugmentationConfig, Config
from slipway.training.models.vehicle_reid.data import examples_of
from slipway.training.models.vehicle_reid.task import VehicleReid, build
from slipway.training.reading.philox import Words, key_of, numbers
from slipway.training.task import Examples, seeded

NAME = "vehicle-reid"
HEIGHT, WIDTH = 24, 32
INDIVIDUALS = {"train": 24, "validation": 4, "test": 12}
CAMERAS = ("north", "south", "east")
EACH = 2
OTHERS: list[tuple[str, list[str | None]]] = [
    ("scene", ["v00"]),
    ("crop", ["v00", "v01"]),
    ("crop", [None]),
    ("crop", []),
]
"""Images that are no examples, by view and the identities of their boxes."""
Pixels = npt.NDArray[np.uint8]
TINY = [
    f"network.height={HEIGHT}",
    f"network.width={WIDTH}",
    "network.stem=8",
    "network.widths=[16,24]",
    "network.depths=[1,1]",
    "network.embedding=16",
    "batch=32",
    "augmentation.shift=1",
    "augmentation.zoom=0",
]


def picture(individual: int, camera: int, number: int) -> bytes:
    """A body whose windows tell who it is, in a colour that only tells which camera and which moment it was."""
    chance = np.random.default_rng([individual, camera, number])
    pixels = chance.normal(110, 6, (HEIGHT, WIDTH, 3))
    windows = np.random.default_rng(individual).random((3, 4)) < 0.5
    body = np.where(np.kron(windows, np.ones((6, 6), bool))[:, :, None], 20, chance.uniform(80, 255, 3))
    top, left = chance.integers(2, 5), chance.integers(3, 6)
    pixels[top : top + 18, left : left + 24] = body
    done, data = cv2.imencode(".png", pixels.clip(0, 255).astype(np.uint8))
    assert done
    return data.tobytes()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Individuals of three splits, with one scene, one picture of two vehicles and one of nobody known."""
    folder = tmp_path_factory.mktemp("reid") / "data"
    with SnapshotWriter(folder) as writer:
        people = [(split, number) for split, count in INDIVIDUALS.items() for number in range(count)]
        for individual, (split, _) in enumerate(people):
            for camera, name in enumerate(CAMERAS):
                for number in range(EACH):
                    image = Image(
                        width=WIDTH, height=HEIGHT, split=split, source=f"{individual}-{camera}-{number}.png",
                        site="harbour" if camera else "market", camera="gate" if camera < 2 else name,
                        light="night" if number else "day", weather="clear", slices={"view": "crop"},
                    )  # fmt: skip
                    box = Box(category="car", x=2, y=2, w=26, h=20, identity=f"v{individual:02d}")
                    writer.add(picture(individual, camera, number), image, [box])
        for number, (view, boxes) in enumerate(OTHERS):
            image = Image(width=WIDTH, height=HEIGHT, split="train", source=f"{number}.png", slices={"view": view})
            shown = [Box(category="car", x=1, y=1, w=9, h=9, identity=identity) for identity in boxes]
            writer.add(picture(900, number, 0), image, shown)
        writer.finish([], licence="made here")
    return Snapshot(folder)


def task_of(*overrides: str) -> VehicleReid:
    typed = compose(NAME, [*TINY, *overrides]).typed
    assert isinstance(typed, Config)
    return build(typed)


@pytest.fixture(scope="module")
def task() -> VehicleReid:
    return task_of()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pixels_of(examples: Examples) -> torch.Tensor:
    found = np.empty((examples.count, *examples.source.size, 3), np.uint8)
    examples.source.read(np.arange(examples.count), found)
    return torch.from_numpy(found).permute(0, 3, 1, 2)


def seeds_of(count: int, step: int = 0) -> Words:
    return numbers(key_of(step, "test"), np.arange(count))


def trained(task: VehicleReid, training: Examples, steps: int) -> torch.nn.Module:
    """A plain loop."""
    seeded(0, 0, 0)
    network, criterion, plan = task.network(training), task.criterion(training), task.plan(training)
    learning = [one for part in (network, criterion) for one in part.parameters() if one.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=0.05, momentum=0.9)
    images = pixels_of(training)
    for step, rows in enumerate(plan.at(np.arange(steps))):
        seeded(0, step, 0)
        truth = {name: one[rows] for name, one in training.truth.items()}
        seen, changed_truth = task.augment(images[rows], truth, seeds_of(len(rows), step))
        optimizer.zero_grad()
        criterion(network(seen), changed_truth)["loss"].backward()
        optimizer.step()
    return network.eval()


def judged_by(task: VehicleReid, network: torch.nn.Module, examples: Examples) -> Judged:
    with torch.no_grad():
        heads = {name: head.numpy() for name, head in network(pixels_of(examples)).items()}
    return task.judge(task.predictions(heads, examples), examples)


def test_a_few_steps_teach_it_more_than_the_colours_of_the_baseline_know(snapshot: Snapshot, task: VehicleReid) -> None:
    test = task.examples(snapshot, "test")
    network = trained(task, task.examples(snapshot, "train"), 60)
    (overall, *_) = paired(task.judge(task.baseline(snapshot, test), test), judged_by(task, network, test))

    assert (overall.metric, better(overall)) == ("mAP", True)


def test_only_crops_of_one_known_individual_are_examples(snapshot: Snapshot) -> None:
    examples = examples_of(snapshot, "train", (HEIGHT, WIDTH), 0.1)

    assert examples.count == INDIVIDUALS["train"] * len(CAMERAS) * EACH
    assert examples.truth["individual"].unique().tolist() == list(range(INDIVIDUALS["train"]))


def test_gates_of_two_sites_are_two_cameras(snapshot: Snapshot) -> None:
    examples = examples_of(snapshot, "test", (HEIGHT, WIDTH), 0.1)

    assert set(examples.rows["camera"].to_pylist()) == {"market/gate", "harbour/gate", "harbour/east"}


def test_a_split_without_individuals_is_refused(snapshot: Snapshot) -> None:
    with pytest.raises(WrongUse, match="no picture of one individual in the split `holdout`"):
        examples_of(snapshot, "holdout", (HEIGHT, WIDTH), 0.1)


def test_a_batch_has_so_many_images_of_each_of_its_vehicles_from_different_cameras(
    snapshot: Snapshot, task: VehicleReid
) -> None:
    examples = task.examples(snapshot, "train")
    for rows in task.plan(examples).at(np.arange(4)):
        individuals = examples.truth["individual"][rows].view(-1, 4)
        assert (individuals == individuals[:, :1]).all()
        assert len(set(individuals[:, 0].tolist())) == 8
        cameras = np.array(examples.rows["camera"].to_pylist())[rows].reshape(-1, 4)
        assert all(len(set(line)) == 3 for line in cameras)


def test_slices_are_those_of_the_query_and_a_line_is_drawn_with_its_vehicle(
    snapshot: Snapshot, task: VehicleReid
) -> None:
    examples = task.examples(snapshot, "test")
    judged = task.judge(task.baseline(snapshot, examples), examples)

    assert set(judged.slices) == {"light", "weather", "site", "camera", "category"}
    assert judged.units == examples.count
    assert judged.clusters is not None
    assert judged.clusters.max() + 1 == INDIVIDUALS["test"]


def test_its_pictures_are_the_gallery_the_curve_and_the_worst(
    snapshot: Snapshot, task: VehicleReid, tmp_path: Path
) -> None:
    examples = task.examples(snapshot, "validation")
    judged = task.judge(task.baseline(snapshot, examples), examples)
    files = task.pictures(judged, examples, tmp_path)

    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert [path.name for path in files] == ["gallery.png", "first-match.png", "worst.png"]


LOSSES = sorted(path.stem for path in (model_named(NAME).configs / "loss").glob("*.yaml"))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_remembers_nothing_draws_nothing_and_teaches_every_part_of_the_network(
    loss: str, snapshot: Snapshot
) -> None:
    task = task_of(f"loss={loss}")
    training = task.examples(snapshot, "train")
    network, criterion = task.network(training), task.criterion(training)
    rows = task.plan(training).at(np.array([0]))[0]
    images, truth = pixels_of(training)[rows], {"individual": training.truth["individual"][rows]}
    heads = network(images)

    def generators() -> list[object]:
        return [torch.random.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()]  # type: ignore[index]  # noqa: NPY002 - whether anybody used it

    drawn = generators()
    first = criterion(heads, truth)
    before = remembered(criterion)
    criterion({name: head + 1 for name, head in heads.items()}, truth)
    again = criterion(heads, truth)
    assert generators() == drawn
    assert remembered(criterion) == before
    assert all(torch.equal(first[name], again[name]) for name in first)

    first["loss"].backward()
    learning = [*network.named_parameters(), *criterion.named_parameters()]
    silent = {name for name, one in learning if one.requires_grad and (one.grad is None or not one.grad.any())}
    assert silent <= ({"neck.weight"} if task.config.loss.classifier == "none" else set())


def remembered(module: torch.nn.Module) -> list[object]:
    """All that a module and its parts hold."""
    plain = (int, float, str, bool, type(None))
    found: list[object] = [(name, one.tolist()) for name, one in module.state_dict().items()]
    for name, part in module.named_modules():
        found += [(name, key, value) for key, value in vars(part).items() if isinstance(value, plain)]
    return found


def test_a_loss_is_the_sum_of_its_parts_and_classifies_behind_the_neck(snapshot: Snapshot) -> None:
    task = task_of("loss=cosface-triplet", "loss.pairs_weight=0.5")
    training = task.examples(snapshot, "train")
    criterion = task.criterion(training)
    truth = {"individual": torch.arange(8).repeat_interleave(4)}
    heads = {"embedding": torch.randn(32, 16), "features": torch.randn(32, 16)}
    parts = criterion(heads, truth)

    assert parts["loss"] == parts["classification"] + parts["comparison"]
    other = criterion({**heads, "features": torch.randn(32, 16)}, truth)
    assert other["classification"] == parts["classification"]
    assert other["comparison"] != parts["comparison"]


def test_while_it_is_trained_it_gives_features_and_afterwards_the_embedding_alone(
    snapshot: Snapshot, task: VehicleReid
) -> None:
    network = task.network(task.examples(snapshot, "train"))
    images = pixels_of(task.examples(snapshot, "test"))[:8]

    assert set(network.train()(images)) == {"embedding", "features"}
    heads = network.eval()(images)
    assert set(heads) == {"embedding"}
    torch.testing.assert_close(heads["embedding"].norm(dim=1), torch.ones(8))


@pytest.mark.parametrize("name", ["small", "base"])
def test_each_network_keeps_the_contract_that_devices_are_built_against(name: str, snapshot: Snapshot) -> None:
    contract = model_named(NAME).declaration.export
    typed = compose(NAME, [f"network={name}"]).typed
    assert isinstance(typed, Config)
    made = build(typed)
    network = made.network(made.examples(snapshot, "train")).eval()
    with torch.no_grad():
        heads = network(torch.zeros(2, *(int(dim) for dim in contract.inputs[0].dims[1:]), dtype=torch.uint8))

    assert {head: tuple(one.shape[1:]) for head, one in heads.items()} == {
        one.name: one.dims[1:] for one in contract.outputs
    }


def test_it_exports_as_one_graph_for_any_batch(snapshot: Snapshot, task: VehicleReid) -> None:
    network = trained(task, task.examples(snapshot, "train"), 1)
    images = pixels_of(task.examples(snapshot, "test"))
    batch = torch.export.Dim("batch", min=1, max=64)
    graph = torch.export.export(network, (images[:4],), dynamic_shapes=({0: batch},)).module()
    for count in (1, 7):
        torch.testing.assert_close(graph(images[:count]), network(images[:count]))


def test_an_image_is_changed_by_its_own_seed_alone_and_stays_uint8(snapshot: Snapshot) -> None:
    images = pixels_of(examples_of(snapshot, "test", (HEIGHT, WIDTH), 0.1))
    config = AugmentationConfig()
    seeds = seeds_of(len(images))
    found = changed(images, seeds, config)

    assert found.dtype == torch.uint8
    assert found.shape == images.shape
    assert not torch.equal(found, images)
    assert torch.equal(changed(images[5:9], seeds[5:9], config), found[5:9])
    assert torch.equal(changed(images.flip(0), seeds[::-1].copy(), config), found.flip(0))


def test_what_is_turned_off_changes_nothing_and_a_sure_flip_is_a_mirror(snapshot: Snapshot) -> None:
    images = pixels_of(examples_of(snapshot, "test", (HEIGHT, WIDTH), 0.1))
    off = {"flip": 0.0, "shift": 0, "zoom": 0.0, "contrast": 0.0, "brightness": 0.0, "tint": 0.0, "erase": 0.0}

    assert torch.equal(changed(images, seeds_of(len(images)), AugmentationConfig(**off)), images)  # type: ignore[arg-type]
    flipped = changed(images, seeds_of(len(images)), AugmentationConfig(**{**off, "flip": 1.0}))  # type: ignore[arg-type]
    assert torch.equal(flipped, images.flip(3))


def test_an_erased_rectangle_hides_a_part_and_leaves_the_rest() -> None:
    images = torch.full((64, 3, 40, 60), 200, dtype=torch.uint8)
    config = AugmentationConfig(flip=0, shift=0, zoom=0, contrast=0, brightness=0, tint=0, erase=1)
    hidden = (changed(images, seeds_of(64), config) != 200).all(1).float().mean((1, 2))

    assert hidden.min() > 0.01
    assert hidden.max() < 0.25


def test_the_baseline_sees_colours_and_not_where_they_are() -> None:
    left: Pixels = np.full((40, 60, 3), (200, 30, 30), np.uint8)
    left[:, 30:] = (30, 30, 200)
    lit, other = np.full_like(left, 90), np.full_like(left, (30, 200, 30))

    assert histogram(left) @ histogram(left[:, ::-1].copy()) == pytest.approx(1)
    assert histogram(left) @ histogram(other) == 0
    assert histogram(lit) @ histogram(lit) == pytest.approx(1)


WRONG: list[tuple[str, str]] = [
    ("batch=30", "multiple of images"),
    ("loss.classifier=cosphace", "one of"),
    ("augmentation.zoom=1.5", "from 0 to below 1"),
    ("network.widths=[8]", "equally long"),
    ("network.height=4", "at least"),
]


@pytest.mark.parametrize(("override", "said"), WRONG, ids=[override for override, _ in WRONG])
def test_a_value_that_cannot_work_is_refused(override: str, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        compose(NAME, [override])


def test_a_loss_without_parts_is_refused() -> None:
    with pytest.raises(WrongUse, match="cannot both be none"):
        compose(NAME, ["loss.classifier=none", "loss.pairs=none"])


def test_its_expectations_are_a_suite_that_names_what_it_learns_from() -> None:
    suite = read_suite(Path(model_named(NAME).expectations))
    named = [value for one in suite.expectations for value in one.kwargs.get("value_set", ())]

    assert "crop" in named
