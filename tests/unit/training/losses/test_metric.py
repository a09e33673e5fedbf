"""Losses over a batch are those of the whole batch, however many processes share it."""

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.numpy import load_file
from torch.nn import functional

from slipway.training.losses.metric import CLASSIFIERS, PAIRS, MetricLoss

Arrays = dict[str, npt.NDArray[np.float32]]
SCRIPT = Path(__file__).with_name("ranks.py")


@pytest.fixture
def together(tmp_path: Path) -> Callable[[int], list[Arrays]]:
    """What each of so many processes finds; one alone needs no other process than this."""

    def run(size: int) -> list[Arrays]:
        if size == 1:
            runpy.run_path(str(SCRIPT))["main"](0, 1, tmp_path, tmp_path / "alone")
            return [load_file(tmp_path / "alone")]
        outs = [tmp_path / f"{size}-{rank}" for rank in range(size)]
        children = [
            subprocess.Popen([sys.executable, str(SCRIPT), str(rank), str(size), str(tmp_path / "meeting"), str(out)])
            for rank, out in enumerate(outs)
        ]
        assert [child.wait() for child in children] == [0] * size
        return [load_file(out) for out in outs]

    return run


def test_two_processes_find_the_loss_and_the_gradients_of_one(together: Callable[[int], list[Arrays]]) -> None:
    (alone,) = together(1)
    assert "cosface/triplet/loss" in alone
    assert "softmax/supcon/classifier.W" in alone
    for found in together(2):
        assert set(found) == set(alone)
        for name, value in found.items():
            assert np.allclose(value, alone[name], rtol=1e-3, atol=1e-5 * (1 + np.abs(alone[name]).max())), name


def batch(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(seed)
    return torch.randn(24, 8, generator=chance), torch.arange(24) // 4


def test_cosface_is_cross_entropy_with_a_margin_in_cosine(seed: int) -> None:
    embeddings, individuals = batch(seed)
    classifier = CLASSIFIERS["cosface"](6, 8, 0.2, 16.0)
    weights = dict(classifier.named_parameters())["W"]
    cosine = functional.normalize(embeddings) @ functional.normalize(weights, dim=0)
    expected = functional.cross_entropy(16 * (cosine - 0.2 * functional.one_hot(individuals, 6)), individuals)

    torch.testing.assert_close(classifier(embeddings, individuals), expected)


def test_arcface_is_cross_entropy_with_a_margin_in_radians(seed: int) -> None:
    embeddings, individuals = batch(seed)
    classifier = CLASSIFIERS["arcface"](6, 8, 0.2, 16.0)
    weights = dict(classifier.named_parameters())["W"]
    cosine = functional.normalize(embeddings) @ functional.normalize(weights, dim=0)
    true = functional.one_hot(individuals, 6).bool()
    assert (torch.acos(cosine[true]) < np.pi - 0.2).all()
    expected = functional.cross_entropy(
        16 * torch.where(true, torch.cos(torch.acos(cosine) + 0.2), cosine), individuals
    )

    torch.testing.assert_close(classifier(embeddings, individuals), expected)


def test_triplets_are_the_hardest_of_each_picture(seed: int) -> None:
    features, individuals = batch(seed)
    distance = torch.cdist(features, features)
    same = individuals[:, None] == individuals
    positive = distance.masked_fill(~same, 0).amax(1)
    negative = distance.masked_fill(same, torch.inf).amin(1)

    torch.testing.assert_close(
        PAIRS["triplet"](0.0, 1.0)(features, individuals), functional.softplus(positive - negative).mean()
    )
    hinge = (positive - negative + 0.3).relu()
    torch.testing.assert_close(PAIRS["triplet"](0.3, 1.0)(features, individuals), hinge[hinge > 0].mean())


def test_circle_is_the_published_formula(seed: int) -> None:
    features, individuals = batch(seed)
    likeness = functional.normalize(features) @ functional.normalize(features).T
    same = individuals[:, None] == individuals
    margin, scale = 0.25, 16.0
    losses = []
    for one in range(len(features)):
        mates = same[one] & (torch.arange(24) != one)
        positive, negative = likeness[one][mates], likeness[one][~same[one]]
        near = scale * (negative + margin).relu() * (negative - margin)
        far = -scale * (1 + margin - positive).relu() * (positive - 1 + margin)
        losses.append(functional.softplus(torch.logsumexp(near, 0) + torch.logsumexp(far, 0)))

    torch.testing.assert_close(PAIRS["circle"](margin, scale)(features, individuals), torch.stack(losses).mean())


def test_a_loss_of_one_part_is_that_part() -> None:
    features, individuals = batch(0)
    found = MetricLoss(None, PAIRS["triplet"](0.0, 1.0), 2.0)({"features": features}, {"individual": individuals})

    assert set(found) == {"loss", "comparison"}
    torch.testing.assert_close(found["loss"], 2 * PAIRS["triplet"](0.0, 1.0)(features, individuals))
