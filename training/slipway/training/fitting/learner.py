"""The part that learns: network, criterion, optimizer and average, as Lightning's module.

A step is written out here, because all of it matters: the generator is seeded by the step, the rate is a function of
the step, the network computes in the precision of the config, and the criterion always in full precision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from slipway.training.fitting import optimizers
from slipway.training.fitting.average import Average
from slipway.training.fitting.course import Course, rate
from slipway.training.fitting.feed import Fed
from slipway.training.fitting.trail import normed
from slipway.training.reading.philox import key_of
from slipway.training.reading.plans import Share
from slipway.training.task import Examples, Task, seeded

PLAIN: Final = frozenset({"_current_fx_name", "done"})
"""What is set at every step and is never a parameter."""
NORM_EVERY: Final = 10
"""Steps between two looks at the gradients, where they are not clipped anyway."""


@dataclass(frozen=True)
class Done:
    """What a step says; tensors stay where they are until somebody reads them in groups."""

    step: int
    losses: Mapping[str, Tensor]
    rate: float
    checksum: int
    gradient: Tensor | None
    norms: Tensor | None


class Learner(LightningModule):
    """Network and criterion; `build` makes them from a task."""

    # Lightning passes over hooks that cannot be called, and some of these would cost more than they do.
    on_train_batch_start = None  # type: ignore[assignment]
    on_train_batch_end = None  # type: ignore[assignment]

    def __init__(self, task: Task[Any], network: nn.Module, criterion: nn.Module, course: Course, share: Share) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self.criterion = criterion
        config = task.config
        self._course, self._rank, self._alone = course, share.rank, share.world == 1
        self._seed, self._optimizing, self._schedule = config.seed, config.optimizer, config.schedule
        self._decay = config.trainer.average
        self._tuned: torch.optim.Optimizer | None = None
        self._average: Average | None = None
        self._restored: Mapping[str, Any] | None = None
        self._learning: list[nn.Parameter] = []
        self.done: Done | None = None
        """The step that was just done."""

    @classmethod
    def build(cls, task: Task[Any], examples: Examples, course: Course, share: Share) -> "Learner":
        """The untrained learner, the same in every process."""
        torch.manual_seed(key_of(task.config.seed, "weights") >> 1)
        network, criterion = task.network(examples), task.criterion(examples)
        if task.config.trainer.channels_last:
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(task, network, criterion, course, share)

    def configure_optimizers(self) -> None:
        """Called when the weights are where they are trained; Lightning itself needs to know none."""
        self._tuned = optimizers.build(self._optimizing, [self.network, self.criterion])
        self._learning = [one for one in self.parameters() if one.requires_grad]
        if self._decay:
            self._average = Average(self.network, self._decay)
        if self._restored is not None:
            self._tuned.load_state_dict(self._restored["optimizer"])
            if self._average is not None:
                self._average.network.load_state_dict(self._restored["average"])
            self._restored = None

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401 - whatever is set
        """Lightning notes around every hook which one it is; a module looks long at each value that it is given."""
        if name in PLAIN:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    @property
    def names(self) -> list[str]:
        """The parameters that learn, as `Done.norms` has them."""
        return [name for name, one in self.named_parameters() if one.requires_grad]

    @property
    def best(self) -> nn.Module:
        """The network that is judged and kept."""
        return self.network if self._average is None else self._average.network

    def to_plain(self) -> dict[str, Any]:
        """For a checkpoint."""
        if self._tuned is None:
            raise RuntimeError("there is nothing to keep before training began")
        return {
            "network": self.network.state_dict(),
            "criterion": self.criterion.state_dict(),
            "optimizer": self._tuned.state_dict(),
            "average": None if self._average is None else self._average.network.state_dict(),
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Take what a checkpoint has; the optimizer's part waits until there is one."""
        self.network.load_state_dict(plain["network"])
        self.criterion.load_state_dict(plain["criterion"])
        self._restored = plain

    def transfer_batch_to_device(self, batch: Fed, device: torch.device, dataloader_idx: int) -> Fed:  # noqa: ARG002
        return batch.to(device)

    def training_step(self, batch: Fed, batch_idx: int) -> None:  # noqa: ARG002 - Lightning's signature
        """One optimizer step."""
        seeded(self._seed, batch.step, self._rank)
        losses = self._losses(batch)
        self._backward(losses["loss"])
        lr = self._optimizing.lr * rate(self._schedule, batch.step, self._course.total)
        gradient = self._clipped(batch.step)
        self._step(lr)
        if self._average is not None:
            self._average.follow(batch.step)
        self.done = Done(
            batch.step,
            {name: value.detach() for name, value in losses.items()},
            lr,
            batch.checksum,
            gradient,
            self._norms() if normed(batch.step) else None,
        )

    def _losses(self, batch: Fed) -> Mapping[str, Tensor]:
        heads = self.network(batch.images)
        with torch.autocast(batch.images.device.type, enabled=False):
            losses: Mapping[str, Tensor] = self.criterion(
                {name: head.float() for name, head in heads.items()}, batch.truth
            )
        return losses

    def _backward(self, loss: Tensor) -> None:
        """Gradients, averaged over the ranks; alone there is nothing that Lightning would have to prepare."""
        if self._alone:
            loss.backward()
        else:
            self.manual_backward(loss)

    def _clipped(self, step: int) -> Tensor | None:
        """The norm of all gradients together, and no gradient larger than allowed."""
        clip = self._optimizing.clip
        if not clip and step % NORM_EVERY:
            return None
        gradients = [one.grad for one in self._learning if one.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if clip:
            torch.nn.utils.clip_grads_with_norm_(self._learning, clip, norm)
        return norm

    def _step(self, lr: float) -> None:
        if self._tuned is None:
            raise RuntimeError("Lightning has not configured the optimizer")
        for group in self._tuned.param_groups:
            group["lr"] = lr
        self._tuned.step()
        for one in self._learning:
            one.grad = None

    @torch.no_grad()
    def _norms(self) -> Tensor:
        return torch.stack(torch._foreach_norm(self._learning))  # type: ignore[arg-type]  # noqa: SLF001
