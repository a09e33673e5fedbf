"""Which rows make up the batch of a step: a pure function of the step, for any step at once.

A plan gives the batch of all processes together; a `Share` cuts a process's contiguous piece out of it, so that the
pieces in the order of their ranks are the batch that one process alone would read.

`Shuffled` strings its epochs together: batch t holds places t x batch and following of an endless row of permutations.
Nothing is dropped and nothing padded, every epoch has each row once; the batch over the seam belongs to two epochs.
`Sequential` is for judging: each row once in its order, the last batch shorter, its rows spread over the shares.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from slipway.platform.errors import WrongUse
from slipway.training.reading.permutation import permuted
from slipway.training.reading.philox import Integers, key_of

NONE = -1
"""Stands for no row, at the end of a batch that is not full."""


class Plan(Protocol):
    """The order in which rows are read."""

    @property
    def count(self) -> int:
        """How many rows it chooses from."""

    @property
    def batch(self) -> int:
        """Rows of one step, over all processes."""

    @property
    def group(self) -> int:
        """Rows that stay in one share: the images of an individual."""

    @property
    def epoch_steps(self) -> int:
        """Steps until every row, or every individual, was due once."""

    def at(self, steps: Integers) -> Integers:
        """A line of rows for each of `steps`; `NONE` where there is none."""


@dataclass(frozen=True)
class Share:
    """One process of `world` that read together."""

    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world:
            raise WrongUse(f"Rank {self.rank} of {self.world} processes: expected 0 to {self.world - 1}.")

    def of(self, rows: Integers) -> tuple[Integers, Integers]:
        """This process's rows of a batch, and their places in the whole batch."""
        places = np.flatnonzero(rows != NONE)
        begin, end = (len(places) * rank // self.world for rank in (self.rank, self.rank + 1))
        places = places[begin:end]
        return rows[places], places

    def check(self, plan: Plan) -> None:
        """Shares must be equal and keep together what belongs together."""
        if plan.batch % (self.world * plan.group):
            raise WrongUse(
                f"A batch of {plan.batch} in groups of {plan.group} cannot be shared by {self.world} processes.",
                mend=f"Take a multiple of {self.world * plan.group} as batch.",
            )


@dataclass(frozen=True)
class EveryRow:
    """What plans share in whose epochs every row is due once."""

    count: int
    batch: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise WrongUse("No rows to read.", mend="Select at least one image.")
        if self.batch < 1:
            raise WrongUse(f"A batch of {self.batch} images: expected at least 1.")

    @property
    def epoch_steps(self) -> int:
        """Steps until every row was due; the last one may be shared with the next epoch, or not full."""
        return -(-self.count // self.batch)


@dataclass(frozen=True)
class Shuffled(EveryRow):
    """Every row once in each epoch, in an order of its own."""

    seed: int
    group: int = 1

    def at(self, steps: Integers) -> Integers:
        epochs, positions = np.divmod(steps[:, None] * self.batch + np.arange(self.batch), self.count)
        rows = np.empty_like(positions)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            rows[here] = permuted(positions[here], self.count, key_of(self.seed, "epoch", int(epoch)))
        return rows


@dataclass(frozen=True)
class Sequential(EveryRow):
    """Every row once, in its order; steps after the last begin again."""

    group: int = 1

    def at(self, steps: Integers) -> Integers:
        rows = (steps % self.epoch_steps)[:, None] * self.batch + np.arange(self.batch)
        return np.where(rows < self.count, rows, NONE)
