"""vehicle-detect: what it learns from, what every place is told, what it says, and that it learns."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.errors import WrongUse
from slipway.platform.models.finder import model_named
from slipway.training.config.compose import compose
from slipway.training.config.consistency import examine
from slipway.training.detection.answers import table
from slipway.training.detection.changes import Changes
from slipway.training.models.vehicle_detect.config import Config
from slipway.training.models.vehicle_detect.task import VehicleDetect, build
from slipway.training.reading.augment import sample_seeds
from slipway.training.task import Examples, seeded

CATEGORIES = ["car", "van"]
COUNTS = {"train": 24, "validation": 12}
HEIGHT, WIDTH = 96, 128
Make = Callable[..., VehicleDetect]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """What runs trains with."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Bright flat cars and dark high vans on grey ground, some images empty; an image of another view besides."""
    folder = tmp_path_factory.mktemp("scenes") / "data"
    with SnapshotWriter(folder) as writer:
        for split, count in COUNTS.items():
            for number in range(count):
                chance = np.random.default_rng([len(split), number])
                pixels, boxes = _scene(chance, 0 if number % 6 == 5 else 1 + number % 2)
                writer.add(_jpeg(pixels), _image(split, number), boxes)
        writer.add(_jpeg(np.full((HEIGHT, WIDTH, 3), 9.0)), _image("train", 99, view="bay"), [])
        writer.finish([], licence="made here")
    return Snapshot(folder)


@pytest.fixture
def make() -> Make:
    """The task with a tiny network; keywords are groups with what is to differ."""

    def made(**groups: Mapping[str, Any]) -> VehicleDetect:
        config = Config(model="vehicle-detect", batch=8)
        config.data.height, config.data.width, config.data.categories = HEIGHT, WIDTH, CATEGORIES
        config.network.stem, config.network.widths, config.network.depths = 16, [16, 32, 32], [1, 1, 1]
        config.network.width = 24
        for group, values in groups.items():
            for name, value in values.items():
                setattr(getattr(config, group), name, value)
        return build(config)

    return made


def test_the_folder_is_whole_and_both_networks_compose() -> None:
    model = model_named("vehicle-detect")
    assert not examine(model)
    declared, config = model.declaration, compose(model).typed
    assert isinstance(config, Config)
    outputs = {one.name: one.dims for one in declared.export.outputs}
    task = build(config)
    network = task.network(None).eval()  # type: ignore[arg-type]
    images = torch.zeros(1, 3, config.data.height, config.data.width, dtype=torch.uint8)
    with torch.inference_mode():
        heads = network(images)
    assert {name: ("batch", *head.shape[1:]) for name, head in heads.items()} == outputs
    base = compose(model, ["network=base"]).typed
    assert isinstance(base, Config)
    assert base.network.finest == 0


def test_it_learns_from_images_of_its_view_with_boxes_in_pixels_of_the_input(scenes: Snapshot, make: Make) -> None:
    task = make(data={"height": 48, "width": 64})
    examples = task.examples(scenes, "train")
    assert examples.count == COUNTS["train"]
    truth = _listed(examples)
    for row, boxes in enumerate(truth):
        assert int(examples.truth["count"][row]) == len(boxes)
        for place, box in enumerate(boxes):
            expected = [box["x"] / 2, box["y"] / 2, (box["x"] + box["w"]) / 2, (box["y"] + box["h"]) / 2]
            assert examples.truth["boxes"][row, place].tolist() == pytest.approx(expected)
            assert CATEGORIES[int(examples.truth["categories"][row, place])] == box["category"]


def test_hidden_boxes_and_crowds_are_ignored_and_other_categories_left_out(scenes: Snapshot, make: Make) -> None:
    hidden = make(data={"hidden": 0.5}).examples(scenes, "train")
    assert hidden.truth["ignored"].any()
    flat = [box for boxes in _listed(hidden) for box in boxes]
    assert {box["ignored"] for box in flat} == {False, True}
    assert any(box["crowd"] for box in flat)
    everything = _listed(make().examples(scenes, "train"))
    assert not any(box["ignored"] for boxes in everything for box in boxes)
    vans = make(data={"categories": ["van"]}).examples(scenes, "train")
    assert {box["category"] for boxes in _listed(vans) for box in boxes} == {"van"}


def test_a_split_without_images_is_refused(scenes: Snapshot, make: Make) -> None:
    with pytest.raises(WrongUse, match="in the split `test`"):
        make().examples(scenes, "test")


def test_a_change_depends_on_its_own_seed_alone_and_keeps_images_uint8(scenes: Snapshot, make: Make) -> None:
    task = make()
    images, truth = _all(task, scenes)
    rows = np.arange(len(images))
    seeds = sample_seeds(0, 5, rows, rows)
    changed, boxes = task.augment(images, truth, seeds)
    assert changed.dtype == torch.uint8
    assert changed.shape == images.shape
    assert not torch.equal(changed, images)
    some = slice(3, 7)
    part, part_boxes = task.augment(images[some], {name: one[some] for name, one in truth.items()}, seeds[some])
    assert torch.equal(part, changed[some])
    assert torch.equal(part_boxes["boxes"], boxes["boxes"][some])


def test_without_changes_nothing_changes(scenes: Snapshot, make: Make) -> None:
    images, truth = _all(make(), scenes)
    rows = np.arange(len(images))
    changed, boxes = Changes().apply(images, truth, sample_seeds(0, 1, rows, rows))
    assert torch.equal(changed, images)
    assert torch.allclose(boxes["boxes"], truth["boxes"], atol=1e-4)
    assert torch.equal(
        boxes["ignored"] | (truth["boxes"].sum(-1) == 0), truth["ignored"] | (truth["boxes"].sum(-1) == 0)
    )


def test_only_peaks_are_answers_in_the_pixels_of_their_image(scenes: Snapshot, make: Make) -> None:
    task = make(data={"height": 48, "width": 64})
    rows = task.examples(scenes, "train").rows.slice(0, 1)
    peaks, boxes = np.zeros((1, 2, 6, 8), np.float32), np.zeros((1, 4, 6, 8), np.float32)
    peaks[0, 1, 2, 3], peaks[0, 0, 5, 7], peaks[0, 0, 0, 0] = 0.9, 0.4, 0.005
    boxes[0, :, 2, 3], boxes[0, :, 5, 7] = [10, 8, 30, 20], [50, 30, 90, 60]
    said = table(peaks, boxes, rows, CATEGORIES, task.size, 100, 0.01).to_pylist()
    sample = rows["sample"][0].as_py()
    assert [(one["sample"], one["category"]) for one in said] == [(sample, "van"), (sample, "car")]
    assert [said[0][side] for side in "xywh"] == [20, 16, 40, 24]
    assert [said[1][side] for side in "xywh"] == [100, 60, 28, 36]
    assert table(peaks, boxes, rows, CATEGORIES, task.size, 1, 0.01).num_rows == 1


def test_neighbours_of_a_peak_are_cut_to_nothing_in_the_graph(make: Make) -> None:
    network = make().network(None).eval()  # type: ignore[arg-type]
    images = torch.randint(0, 256, (2, 3, HEIGHT, WIDTH), dtype=torch.uint8)
    with torch.inference_mode():
        heads = network(images)
    chances = torch.sigmoid(heads["logits"])
    around = torch.nn.functional.max_pool2d(chances, 3, 1, 1)
    assert torch.equal(heads["peaks"], torch.where(chances == around, chances, 0.0))


def test_the_graph_has_no_suppression_and_only_its_batch_varies(make: Make) -> None:
    network = make().network(None).eval()  # type: ignore[arg-type]
    images = torch.randint(0, 256, (2, 3, HEIGHT, WIDTH), dtype=torch.uint8)
    shapes = ({0: torch.export.Dim("batch", max=16)},)
    program = torch.export.export(network, (images,), dynamic_shapes=shapes)
    used = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert not [name for name in used if any(part in name for part in ("nms", "nonzero", "sort", "topk", "item"))]
    more = torch.randint(0, 256, (5, 3, HEIGHT, WIDTH), dtype=torch.uint8)
    with torch.inference_mode():
        expected, found = network(more), program.module()(more)
    for name, head in expected.items():
        assert torch.allclose(found[name], head, atol=1e-4), name


def test_the_baseline_says_where_boxes_usually_are(scenes: Snapshot, make: Make) -> None:
    task = make()
    examples = task.examples(scenes, "validation")
    said = task.baseline(scenes, examples)
    assert set(said["category"].to_pylist()) == set(CATEGORIES)
    scores = said["score"].to_numpy()
    assert 0 < scores.max() <= 1
    judged = task.judge(said, examples)
    assert 0 <= judged.metrics["ap"](np.ones(judged.units)) < 0.3


def test_it_learns(scenes: Snapshot, make: Make) -> None:
    task = make(augment={"zoom": 0.0, "colour": 0.0, "order": 0.0, "brightness": 0.1, "contrast": 0.1})
    images, truth = _all(task, scenes)
    examples = task.examples(scenes, "train")
    seeded(0, 0, 0)
    network, criterion = task.network(examples), task.criterion(examples)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.02, momentum=0.9, nesterov=True)
    plan = task.plan(examples)
    losses = []
    for step in range(70):
        rows = plan.at(np.array([step]))[0]
        seeds = sample_seeds(0, step, rows, np.arange(len(rows)))
        batch, wanted = task.augment(images[rows], {name: one[rows] for name, one in truth.items()}, seeds)
        loss = criterion(network(batch), wanted)["loss"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    validation = task.examples(scenes, "validation")
    pixels = np.empty((validation.count, HEIGHT, WIDTH, 3), np.uint8)
    validation.source.read(np.arange(validation.count), pixels)
    network.eval()
    with torch.inference_mode():
        heads = network(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    said = task.predictions({name: head.numpy() for name, head in heads.items()}, validation)
    ours, baseline = (task.judge(one, validation) for one in (said, task.baseline(scenes, validation)))
    ones = np.ones(ours.units)
    assert ours.metrics["ap50"](ones) > baseline.metrics["ap50"](ones) + 0.2


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.categories=[car,car]", "data.categories names each category once"),
        ("data.hidden=2", "data.hidden is a share"),
        ("network.finest=7", "network.finest is a stage: 0 to 3, not 7"),
        ("augment.flip=2", "augment.flip is from 0 to 1"),
        ("augment.zom=2", "augment.zom"),
    ],
)
def test_a_config_that_cannot_work_is_refused(override: str, said: str) -> None:
    with pytest.raises(WrongUse) as refused:
        compose("vehicle-detect", [override])
    assert said in str(refused.value)


def _scene(chance: np.random.Generator, count: int) -> tuple[np.ndarray[Any, Any], list[Box]]:
    """Ground with vehicles that do not touch."""
    pixels = chance.normal(110, 6, (HEIGHT, WIDTH, 3))
    boxes = []
    for place in range(count):
        category = CATEGORIES[int(chance.integers(0, 2))]
        wide, high = (36, 18) if category == "car" else (26, 30)
        left, top = int(chance.integers(0, 28)) + 64 * place, int(chance.integers(0, HEIGHT - high))
        pixels[top : top + high, left : left + wide] = 230 if category == "car" else 20
        crowd = bool(chance.random() < 0.1)
        extra = {"coco": {"annotation": {"iscrowd": 1, "area": 9.0}}} if crowd else {}
        occlusion = 0.6 if chance.random() < 0.2 else 0.1
        boxes.append(Box(category=category, x=left, y=top, w=wide, h=high, occlusion=occlusion, extra=extra))
    return pixels, boxes


def _image(split: str, number: int, view: str = "scene") -> Image:
    return Image(
        width=WIDTH, height=HEIGHT, split=split, source=f"{split}/{view}/{number}.jpg", site="harbour",
        camera=f"gate-{number % 2}", light="night" if number % 4 == 0 else "day", weather="clear",
        sequence=f"{split}-{number // 4}", slices={"view": view},
    )  # fmt: skip


def _jpeg(pixels: np.ndarray[Any, Any]) -> bytes:
    done, data = cv2.imencode(".jpg", pixels.clip(0, 255).astype(np.uint8))
    assert done
    return data.tobytes()


def _all(task: VehicleDetect, snapshot: Snapshot) -> tuple[Tensor, Mapping[str, Tensor]]:
    """All images of training with their truth."""
    examples = task.examples(snapshot, "train")
    pixels = np.empty((examples.count, *examples.source.size, 3), np.uint8)
    examples.source.read(np.arange(examples.count), pixels)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2), examples.truth


def _listed(examples: Examples) -> list[list[dict[str, Any]]]:
    """The true boxes of each image."""
    return [list(boxes or ()) for boxes in examples.rows["truth"].to_pylist()]
