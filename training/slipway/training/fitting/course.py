"""Which steps a training has, and what happens between them: pure arithmetic.

A step is one optimizer step, counted from 0. The state after `n` steps is called `n`. Epoch `e` has the steps from
`e * epoch_steps` on; the last one may be cut short by `max_steps`.
"""

import math
from dataclasses import dataclass

from slipway.training.config.schema import ScheduleConfig, TrainerConfig


@dataclass(frozen=True)
class Course:
    """The way from the first step to the last."""

    epoch_steps: int
    total: int
    """Steps of the whole training."""
    validate_every: int

    @classmethod
    def of(cls, trainer: TrainerConfig, epoch_steps: int) -> "Course":
        """The course that a config asks for."""
        total = trainer.max_epochs * epoch_steps
        if trainer.max_steps:
            total = min(total, trainer.max_steps)
        return cls(epoch_steps, total, trainer.validate_every)

    @property
    def epochs(self) -> int:
        """How many there are, the cut one included."""
        return -(-self.total // self.epoch_steps)

    def epoch(self, done: int) -> int:
        """The epoch of the next step after `done` ones."""
        return done // self.epoch_steps

    def end(self, done: int) -> int:
        """How many steps will be done when the epoch of the next step is over."""
        return min((self.epoch(done) + 1) * self.epoch_steps, self.total)

    def ends_epoch(self, done: int) -> bool:
        """Whether the step that made it `done` was the last one of its epoch."""
        return done % self.epoch_steps == 0 or done == self.total

    def validates(self, done: int) -> bool:
        """Whether there is a validation after `done` steps."""
        if done == self.total:
            return True
        return done % self.epoch_steps == 0 and (done // self.epoch_steps) % self.validate_every == 0


def rate(schedule: ScheduleConfig, step: int, total: int) -> float:
    """The share of the highest learning rate that a step has."""
    warmup = round(schedule.warmup * total)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule.name == "constant":
        return 1.0
    way = (step - warmup) / max(1, total - warmup)
    return schedule.end + (1 - schedule.end) * 0.5 * (1 + math.cos(math.pi * way))
