"""This process among those that train together, as torchrun's environment names them.

`Agreement` lets all ranks do the same at the same step although each has its own clock and its own signals: what any
rank wished after a step is what all of them know one step later, and the question costs no waiting, because it travels
while the next step runs.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from slipway.platform.errors import WrongUse
from slipway.training.config.schema import TrainerConfig
from slipway.training.reading.plans import Share


@dataclass(frozen=True)
class Place:
    """Which of how many processes this is."""

    rank: int = 0
    world: int = 1
    local: int = 0
    """Its number on its machine, which is that of its GPU."""
    locals: int = 1

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Place":
        """What torchrun says; alone without it."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        if "RANK" not in environ:
            return cls()
        return cls(*(int(environ[name]) for name in names))

    @property
    def share(self) -> Share:
        """Its part of each batch."""
        return Share(self.rank, self.world)

    def check(self, config: TrainerConfig) -> None:
        """The config's number of processes is part of what names the run."""
        if self.world != config.processes:
            raise WrongUse(
                f"trainer.processes is {config.processes}, and {self.world} were started.",
                mend="The runner starts as many as the config says; by hand, start it through torchrun.",
            )

    def device(self, config: TrainerConfig) -> torch.device:
        """Where this process computes."""
        if config.on_cpu:
            return torch.device("cpu")
        if not torch.cuda.is_available():
            raise WrongUse(
                f"trainer.accelerator is `{config.accelerator}`, and this machine has no GPU.",
                mend="trainer.accelerator=cpu",
            )
        return torch.device("cuda", self.local)


@contextmanager
def joined(place: Place, device: torch.device) -> Iterator[Any]:
    """The process group while the training lasts; gives the one for words, which travel between processors."""
    if place.world == 1:
        yield None
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
        distributed.init_process_group("nccl", device_id=device)
    else:
        distributed.init_process_group("gloo")
    try:
        yield distributed.new_group(backend="gloo")
    finally:
        distributed.destroy_process_group()


class Agreement:
    """What any rank wishes, known to all one step later; alone it is known at once."""

    def __init__(self, group: Any, world: int) -> None:  # noqa: ANN401 - torch's groups have no type
        self._group, self._world = group, world
        self._asked: tuple[Tensor, Any] | None = None

    def settle(self, wishes: Sequence[bool]) -> Sequence[bool]:
        """Tell wishes, and learn what was wished a step ago."""
        if self._world == 1:
            return wishes
        earlier, self._asked = self._asked, self._ask(wishes)
        return self._answer(earlier) if earlier else [False] * len(wishes)

    def end(self) -> None:
        """Hear the last answer, so that nothing is under way."""
        if self._asked is not None:
            self._answer(self._asked)
            self._asked = None

    def _ask(self, wishes: Sequence[bool]) -> tuple[Tensor, Any]:
        told = torch.tensor(wishes, dtype=torch.int32)
        return told, distributed.all_reduce(told, distributed.ReduceOp.MAX, group=self._group, async_op=True)

    @staticmethod
    def _answer(asked: tuple[Tensor, Any]) -> Sequence[bool]:
        told, work = asked
        work.wait()
        return [bool(value) for value in told.tolist()]


def environment() -> Mapping[str, str]:
    """The variables of this process."""
    return os.environ
