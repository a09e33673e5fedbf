"""A detector's pieces: what each place is told, what it costs to be wrong, how images change, which come more often."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from slipway.training.detection.assignment import Truth, assigned
from slipway.training.detection.boxes import generous_overlap, overlap
from slipway.training.detection.changes import Changes
from slipway.training.detection.losses import DetectionLoss
from slipway.training.detection.order import Repeated, times_of
from slipway.training.reading.augment import sample_seeds

HEIGHT, WIDTH = 96, 128
Boxes = Sequence[Sequence[float]]


def test_a_middle_place_is_told_its_category_and_its_box() -> None:
    target = assigned(_truth([[8, 16, 40, 48], [60, 8, 76, 24]], kinds=[0, 1]), 2, (8, 12), 8)
    assert target.scores[0, :, 4, 3].tolist() == [1.0, 0.0]
    assert target.scores[0, :, 2, 8].tolist() == [0.0, 1.0]
    assert 0 < float(target.scores[0, 0, 4, 4]) < 1
    assert target.boxes[0, :, 4, 3].tolist() == [8, 16, 40, 48]
    assert target.boxes[0, :, 2, 8].tolist() == [60, 8, 76, 24]
    assert float(target.weights[0, 4, 3]) > float(target.weights[0, 4, 4]) >= 0
    assert float(target.weights[0, 7, 11]) == 0


def test_where_two_boxes_want_a_place_the_smaller_has_it_and_a_middle_stays_its_own() -> None:
    large, small = [0, 0, 96, 64], [40, 24, 64, 40]
    target = assigned(_truth([large, small], kinds=[0, 0]), 1, (8, 12), 8)
    assert target.boxes[0, :, 4, 6].tolist() == small
    apart = assigned(_truth([[0, 0, 96, 64], [40, 28, 88, 52]], kinds=[0, 0]), 1, (8, 12), 8)
    assert apart.boxes[0, :, 4, 6].tolist() == large


def test_nothing_is_asked_of_an_ignored_box_and_nothing_held_against_it() -> None:
    box = [16, 16, 80, 48]
    ignored = assigned(_truth([box], ignored=[True]), 1, (8, 12), 8)
    assert float(ignored.weights.sum()) == 0
    assert not (ignored.scores == 1).any()
    assert float(ignored.judged[0, 0, 4, 6]) == 0
    assert float(ignored.judged[0, 0, 0, 0]) == 1
    nothing = assigned(_truth([box], count=0), 1, (8, 12), 8)
    assert float(nothing.judged.min()) == 1


def test_overlap_is_what_one_counts_by_hand() -> None:
    first, second = torch.tensor([0.0, 0, 4, 4]), torch.tensor([2.0, 0, 6, 4])
    assert float(overlap(first, second)) == pytest.approx(8 / 24)
    assert float(generous_overlap(first, second)) == pytest.approx(8 / 24)
    assert float(generous_overlap(first, torch.tensor([8.0, 0, 12, 4]))) == pytest.approx(-4 / 12)


def test_a_box_that_lies_inside_out_can_still_be_mended() -> None:
    wrong = torch.tensor([[50.0, 50, 40, 40]], requires_grad=True)
    (1 - generous_overlap(wrong, torch.tensor([[10.0, 10, 30, 30]]))).sum().backward()
    assert wrong.grad is not None
    assert bool(wrong.grad.isfinite().all())


def test_pieces_of_a_batch_have_the_loss_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = torch.Generator().manual_seed(0)
    heads = {"logits": torch.randn(4, 2, 8, 12, generator=chance), "boxes": torch.rand(4, 4, 8, 12, generator=chance)}
    heads["boxes"][:, 2:] += 40
    listed = torch.rand(4, 3, 4, generator=chance) * 40
    listed[..., 2:] += listed[..., :2] + 8
    truth = {
        "boxes": listed, "categories": torch.tensor([[0, 1, 0]] * 4), "ignored": torch.zeros(4, 3, dtype=torch.bool),
        "count": torch.tensor([3, 0, 1, 2]),
    }  # fmt: skip
    criterion = DetectionLoss(8)
    whole = criterion(heads, truth)["loss"]
    totals = _totals(criterion, heads, truth, monkeypatch)
    halves = []
    monkeypatch.setattr("slipway.training.detection.losses.world", lambda: 2)
    for half in (slice(0, 2), slice(2, 4)):
        remaining = iter(totals)
        monkeypatch.setattr("slipway.training.detection.losses.total", lambda _, given=remaining: next(given))
        piece = {name: head[half] for name, head in heads.items()}, {name: one[half] for name, one in truth.items()}
        halves.append(criterion(*piece)["loss"])
    assert float(sum(halves) / 2) == pytest.approx(float(whole), rel=1e-6)


def test_mirrored_and_enlarged_boxes_lie_where_their_pixels_lie() -> None:
    images = torch.zeros(16, 3, HEIGHT, WIDTH, dtype=torch.uint8)
    images[:, :, 30:50, 20:60] = 255
    boxes = torch.tensor([[[20.0, 30, 60, 50]]]).repeat(16, 1, 1)
    truth = {"boxes": boxes, "ignored": torch.zeros(16, 1, dtype=torch.bool)}
    rows = np.arange(16)
    changed, moved = Changes(flip=0.5, zoom=0.5).apply(images, truth, sample_seeds(0, 2, rows, rows))
    for image, box in zip(changed, moved["boxes"][:, 0].tolist(), strict=True):
        down, across = torch.nonzero(image[0] > 184, as_tuple=True)
        found = [int(across.min()), int(down.min()), int(across.max()) + 1, int(down.max()) + 1]
        assert box == pytest.approx(found, abs=1.1)
    assert len({round(box[0][0]) for box in moved["boxes"].tolist()}) > 8


def test_images_with_a_rare_category_come_more_often_each_as_often_as_it_is_to() -> None:
    kinds = torch.zeros(40, 1, dtype=torch.long)
    kinds[:2] = 1
    truth = {"categories": kinds, "count": torch.ones(40, dtype=torch.long)}
    times = times_of(truth, 2, 0.45)
    assert times.tolist() == [3, 3] + [1] * 38
    assert times_of(truth, 2, 0.0).tolist() == [1] * 40
    plan = Repeated(times, 11, 0)
    assert (plan.count, plan.epoch_steps) == (40, 4)
    assert np.bincount(plan.at(np.arange(4)).ravel()).tolist() == times.tolist()
    assert np.array_equal(plan.at(np.array([2, 9]))[1], plan.at(np.array([9]))[0])


def _truth(boxes: Boxes, kinds: list[int] | None = None, ignored: list[bool] | None = None, count: int = -1) -> Truth:
    return Truth(
        torch.tensor([boxes], dtype=torch.float32),
        torch.tensor([kinds or [0] * len(boxes)]),
        torch.tensor([ignored or [False] * len(boxes)]),
        torch.tensor([len(boxes) if count < 0 else count]),
    )


def _totals(
    criterion: DetectionLoss, heads: dict[str, Tensor], truth: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> list[Tensor]:
    """What is summed over all processes, in the order in which it is asked for."""
    seen: list[Tensor] = []

    def noted(amount: Tensor) -> Tensor:
        seen.append(amount)
        return amount

    with monkeypatch.context() as patched:
        patched.setattr("slipway.training.detection.losses.total", noted)
        criterion(heads, truth)
    return seen
