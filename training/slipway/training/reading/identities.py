"""Batches of P individuals with K images each, as metric learning wants them.

Each epoch has every individual once, in batches of P different ones; the individuals that fill no batch are left out
and are others in the next epoch. The K images of an individual come from as many cameras as it was seen by, before any
camera gives a second one; another epoch draws other images. Who has fewer than K images shows them again in turns. All
of it is a function of seed and step.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from slipway.platform.errors import WrongUse
from slipway.training.reading.permutation import permuted
from slipway.training.reading.philox import Integers, key_of, numbers

if TYPE_CHECKING:
    import pyarrow as pa


class IdentityBatches:
    """P x K batches over rows with an identity and a camera each; rows of identity -1 are never drawn."""

    def __init__(self, identities: Integers, cameras: Integers, *, p: int, k: int, seed: int) -> None:
        self.count = len(identities)
        self.batch = p * k
        self.group = k
        self._p, self._k, self._seed = p, k, seed
        self._rows = np.flatnonzero(identities >= 0)
        names, self._identity = np.unique(identities[self._rows], return_inverse=True)
        self._camera = cameras[self._rows]
        self._individuals = len(names)
        if min(p, k) < 1 or self._individuals < p:
            raise WrongUse(
                f"Batches of {p} individuals with {k} images each: the selection has {self._individuals} individuals.",
                mend="Select more, or take a smaller p.",
            )
        # Only saves work: an epoch's choice is a function of its number.
        self._epoch = lru_cache(maxsize=2)(self._choose)

    @property
    def epoch_steps(self) -> int:
        """Full batches of different individuals."""
        return self._individuals // self._p

    def at(self, steps: Integers) -> Integers:
        """The rows of each step, individual by individual."""
        return np.stack([self._step(int(step)) for step in steps])

    def _step(self, step: int) -> Integers:
        epoch, number = divmod(step, self.epoch_steps)
        places = np.arange(number * self._p, (number + 1) * self._p)
        chosen = permuted(places, self._individuals, key_of(self._seed, "individuals", epoch))
        return self._epoch(epoch)[chosen].ravel()

    def _choose(self, epoch: int) -> Integers:
        """K rows for each individual."""
        order = self._draw(epoch)
        sizes = np.bincount(self._identity, minlength=self._individuals)
        starts = np.cumsum(sizes) - sizes
        turns = np.arange(self._k)[None, :] % sizes[:, None]
        chosen: Integers = self._rows[order[starts[:, None] + turns]]
        return chosen

    def _draw(self, epoch: int) -> Integers:
        """All rows individual by individual: one of each camera, then a second of each, and so on."""
        chance = numbers(key_of(self._seed, "images", epoch), self._rows)
        order = np.lexsort((chance, self._camera, self._identity))
        turn = np.empty_like(order)
        turn[order] = _places_in_runs(self._identity[order], self._camera[order])
        cameras = numbers(key_of(self._seed, "cameras", epoch), self._identity, self._camera + 1)
        return np.lexsort((cameras, turn, self._identity))


def codes(column: "pa.ChunkedArray[pa.StringScalar]") -> Integers:
    """Numbers for the strings of a column, equal for equal ones; -1 for none."""
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def _places_in_runs(*columns: Integers) -> Integers:
    """0, 1, 2 and so on within each run of equal lines."""
    places = np.arange(len(columns[0]))
    begins = np.zeros(len(places), bool)
    begins[:1] = True
    for column in columns:
        begins[1:] |= column[1:] != column[:-1]
    return places - np.maximum.accumulate(np.where(begins, places, 0))
