"""What the training tells: metrics, progress and the trail, gathered for some steps and then read at once.

Reading a loss waits for the GPU, so steps are put aside and read together: a few times a second, before a checkpoint
and at the end of an epoch. Then the losses of all ranks are averaged, a loss that is no number is refused with its
step, and rank 0 writes.
"""

import math
import time
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, distributed

from slipway.platform.errors import SlipwayError
from slipway.platform.runs.journal import Journal
from slipway.training.fitting.course import Course
from slipway.training.fitting.learner import Done
from slipway.training.fitting.processes import Place
from slipway.training.fitting.state import State
from slipway.training.fitting.trail import Trail, rows_sum
from slipway.training.reading.plans import Plan

PAUSE: Final = 0.5
"""Seconds between two readings."""
MOST: Final = 1000
"""Steps that are put aside at most."""


class NotANumber(SlipwayError):
    """The loss of a step is infinite or not a number."""

    def __init__(self, step: int, losses: str) -> None:
        super().__init__(
            f"The loss of step {step} is no finite number: {losses}.",
            mend="A smaller `optimizer.lr`, `optimizer.clip=1`, or a look at the samples of that step may help.",
        )
        self.step = step


class Telling:
    """Puts steps aside and reads them together. `journal` is rank 0's alone; one of `every` steps is a point."""

    def __init__(
        self, journal: Journal | None, state: State, trail: Trail, course: Course, place: Place, plan: Plan, every: int
    ) -> None:
        self._journal, self._state, self._trail, self._course = journal, state, trail, course
        self._place, self._plan, self._every = place, plan, max(1, every)
        self._aside: list[Done] = []
        self._read_at = time.monotonic()
        self._since = self._read_at
        self._counted = 0

    def put_aside(self, done: Done) -> None:
        """Keep a step for later."""
        self._aside.append(done)

    @property
    def due(self) -> bool:
        """Whether it is time to read."""
        return len(self._aside) >= MOST or time.monotonic() - self._read_at >= PAUSE

    def begin(self) -> None:
        """Training goes on after something else: its time counts for no step."""
        self._since = time.monotonic()
        self._counted = 0

    def read(self, phase: str = "train") -> None:
        """Read what was put aside; all ranks at the same step."""
        aside, self._aside = self._aside, []
        if not aside:
            return
        self._counted += len(aside)
        names, values = self._values(aside)
        self._check(aside, names, values)
        self._follow(aside, values[:, names.index("loss")])
        self._metrics(aside, names, values)
        now = time.monotonic()
        rate = self._counted * self._plan.batch / max(now - self._since, 1e-9)
        self._read_at = self._since = now
        self._counted = 0
        if self._journal is not None:
            self._journal.metrics(aside[-1].step + 1, {"speed/images_per_second": rate})
        self.progress(phase, rate=rate, loss=float(values[-1, names.index("loss")]))

    def progress(self, phase: str, **more: float) -> None:
        """Say how far it is."""
        if self._journal is None:
            return
        step, course = self._state.step, self._course
        told = more if self._state.latest is None else {**more, "metric": self._state.latest}
        self._journal.write(
            "progress",
            step=step,
            steps=course.total,
            epoch=min(course.epoch(step) + 1, course.epochs),
            epochs=course.epochs,
            phase=phase,
            **told,
        )

    def _values(self, aside: Sequence[Done]) -> tuple[list[str], npt.NDArray[np.float32]]:
        """The losses, a line for each step, averaged over the ranks."""
        names = list(aside[0].losses)
        stacked = torch.stack([done.losses[name].float() for done in aside for name in names])
        if self._place.world > 1:
            distributed.all_reduce(stacked)
            stacked /= self._place.world
        values: npt.NDArray[np.float32] = stacked.cpu().numpy().reshape(len(aside), len(names))
        return names, values

    def _check(self, aside: Sequence[Done], names: Sequence[str], values: npt.NDArray[np.float32]) -> None:
        bad = np.flatnonzero(~np.isfinite(values[:, names.index("loss")]))
        if bad.size:
            line = values[bad[0]].tolist()
            told = ", ".join(f"{name} {value}" for name, value in zip(names, line, strict=True))
            raise NotANumber(aside[int(bad[0])].step, told)

    def _follow(self, aside: Sequence[Done], loss: npt.NDArray[np.float32]) -> None:
        sums = torch.tensor([_signed(done.checksum) for done in aside], dtype=torch.int64)
        if self._place.world > 1:
            sums = _summed(sums, aside[0].losses["loss"].device)
        rows = self._plan.at(np.array([done.step for done in aside]))
        self._trail.add(loss.copy(), rows_sum(rows), sums.numpy())
        normed = [done for done in aside if done.norms is not None]
        if normed:
            norms = torch.stack([done.norms for done in normed if done.norms is not None]).float().cpu().numpy()
            for done, line in zip(normed, norms, strict=True):
                self._trail.add_norms(done.step, line)

    def _metrics(self, aside: Sequence[Done], names: Sequence[str], values: npt.NDArray[np.float32]) -> None:
        """A point of the curves for every so many steps; counted from 1, as people count."""
        if self._journal is None:
            return
        points = []
        for done, line in zip(aside, values.tolist(), strict=True):
            if (done.step + 1) % self._every and done.step + 1 != self._course.total:
                continue
            point = {f"train/{name}": value for name, value in zip(names, line, strict=True) if math.isfinite(value)}
            point["train/lr"] = done.rate
            if done.gradient is not None and math.isfinite(gradient := float(done.gradient)):
                point["train/gradient_norm"] = gradient
            self._journal.metrics(done.step + 1, point)
            points.append(point)
        for point in points[-1:]:
            self._state.metrics.update(point)


def _signed(number: int) -> int:
    """The same 64 bits as a signed number."""
    return number - (1 << 64) if number >= 1 << 63 else number


def _summed(sums: Tensor, device: torch.device) -> Tensor:
    """Over all ranks, modulo 2**64."""
    there = sums.to(device)
    distributed.all_reduce(there)
    return there.cpu()
