"""Changes of images: each by its own seed alone, uint8 all the way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.platform.errors import WrongUse
from slipway.training.reading.augment import Simple, sample_seeds
from slipway.training.reading.philox import Words
from slipway.training.reading.pixels import Pixels

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 10, 14, 3), dtype=np.uint8)
ALL = Simple(seed=0, window=(8, 9), flip=0.5, brightness=0.3)


def changed(augmentation: Simple, images: Pixels, seeds: Words) -> Pixels:
    """The images after the change."""
    out = np.empty((len(images), *augmentation.size((10, 14)), 3), np.uint8)
    augmentation.apply(images, seeds, out)
    return out


def seeds_of(count: int, step: int = 0) -> Words:
    """Seeds of the first rows."""
    return sample_seeds(0, step, np.arange(count), np.arange(count))


@given(picked=st.lists(st.integers(0, 11), min_size=1, max_size=12), step=st.integers(0, 2**40))
def test_an_image_is_changed_the_same_in_any_company(picked: list[int], step: int) -> None:
    seeds = seeds_of(len(IMAGES), step)
    assert (changed(ALL, IMAGES[picked], seeds[picked]) == changed(ALL, IMAGES, seeds)[picked]).all()


def test_seeds_differ_by_step_sample_and_place() -> None:
    base = (0, 5, 7, 3)
    asked = [base, (1, 5, 7, 3), (0, 6, 7, 3), (0, 5, 8, 3), (0, 5, 7, 4)]
    found = {int(sample_seeds(seed, step, np.array([row]), np.array([place]))[0]) for seed, step, row, place in asked}
    assert len(found) == len(asked)


def test_nothing_asked_changes_nothing() -> None:
    assert (changed(Simple(seed=0), IMAGES, seeds_of(12)) == IMAGES).all()


def test_a_window_is_a_part_of_the_image_at_any_place() -> None:
    seeds = seeds_of(400)
    image = np.arange(10 * 14 * 3, dtype=np.uint8).reshape(1, 10, 14, 3).repeat(400, axis=0)
    found = changed(Simple(seed=0, window=(8, 9)), image, seeds)
    corners = {(top, left) for top in range(3) for left in range(6)}
    seen = {
        corner
        for window in found
        for corner in corners
        if (window == image[0, corner[0] : corner[0] + 8, corner[1] : corner[1] + 9]).all()
    }
    assert seen == corners


def test_about_half_are_mirrored_and_the_others_left() -> None:
    images = IMAGES[:1].repeat(400, axis=0)
    found = changed(Simple(seed=0, flip=0.5), images, seeds_of(400))
    mirrored = [(image == IMAGES[0][:, ::-1]).all() for image in found]
    left = [(image == IMAGES[0]).all() for image in found]
    assert sum(mirrored) + sum(left) == 400
    assert 150 < sum(mirrored) < 250


def test_brightness_stays_within_its_share_and_never_wraps() -> None:
    images = np.full((400, 4, 4, 3), 200, np.uint8)
    found = changed_any(Simple(seed=0, brightness=0.5), images)
    assert found.min() >= 100
    assert found.max() == 255
    assert len(np.unique(found)) > 50


def changed_any(augmentation: Simple, images: Pixels) -> Pixels:
    """The same for images of any size."""
    out = np.empty_like(images)
    augmentation.apply(images, seeds_of(len(images)), out)
    return out


def test_a_window_larger_than_the_image_is_refused() -> None:
    with pytest.raises(WrongUse, match=r"window of \(11, 9\) does not fit"):
        Simple(seed=0, window=(11, 9)).size((10, 14))
