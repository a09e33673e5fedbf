"""The order in which a detector learns: images with rare categories come more often."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from slipway.training.reading.philox import Integers
from slipway.training.reading.plans import Shuffled


@dataclass(frozen=True)
class Repeated:
    """Every row as often as it is to come in each epoch, in an order of its own."""

    times: Integers
    batch: int
    seed: int
    group: int = 1
    _shuffled: Shuffled = field(init=False)
    _rows: Integers = field(init=False)

    def __post_init__(self) -> None:
        rows = np.repeat(np.arange(len(self.times)), self.times)
        object.__setattr__(self, "_rows", rows)
        object.__setattr__(self, "_shuffled", Shuffled(len(rows), self.batch, self.seed))

    @property
    def count(self) -> int:
        """How many rows it chooses from."""
        return len(self.times)

    @property
    def epoch_steps(self) -> int:
        """Steps until every row was due as often as it is to come."""
        return self._shuffled.epoch_steps

    def at(self, steps: Integers) -> Integers:
        """A line of rows for each of `steps`."""
        return np.asarray(self._rows[self._shuffled.at(steps)], np.int64)


def times_of(truth: Mapping[str, Tensor], categories: int, rare: float) -> Integers:
    """How often each image is to come: by the rarest category in it, with the root of how rare that is.

    A category is rare where it is in less than the share `rare` of the images.
    """
    listed, count = truth["categories"].numpy(), truth["count"].numpy()
    there = np.arange(listed.shape[1])[None] < count[:, None]
    has = np.stack([((listed == one) & there).any(axis=1) for one in range(categories)], axis=1)
    share = np.maximum(has.mean(axis=0), 1 / max(1, len(has)))
    factor = np.maximum(1.0, np.sqrt(rare / share))
    return np.asarray(np.rint(np.where(has, factor, 1.0).max(axis=1)), np.int64)
