"""The typed config that every model shares; a model's own `Config` adds to `RunConfig`.

Plain dataclasses that import no torch, so that a wrong name or value is told in a fraction of a second. Everything but
`runtime` is part of the run key. A value that cannot work is refused where it stands, by `__post_init__`.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

CPU: Final = "cpu"
_KIND: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,30}")
_NO_KIND: Final = frozenset({"auto", "cuda", "hpu", "mps", "tpu"})
"""What other libraries call an accelerator."""
START: Final = "start"
"""The reference whose weights a training begins with."""


def require(condition: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Refuse a value; composing says which key it was."""
    if not condition:
        raise ValueError(what)


@dataclass
class OptimizerConfig:
    """How weights are changed."""

    name: str = "adamw"
    """`adamw` or `sgd`."""
    lr: float = 1e-3
    """The highest learning rate."""
    weight_decay: float = 0.01
    momentum: float = 0.9
    """Of sgd."""
    clip: float = 0.0
    """Greatest norm of all gradients together; 0 is no limit."""

    def __post_init__(self) -> None:
        require(self.name in {"adamw", "sgd"}, f"optimizer.name is `adamw` or `sgd`, not `{self.name}`")
        require(self.lr > 0, f"optimizer.lr is more than 0, not {self.lr}")
        require(self.weight_decay >= 0, f"optimizer.weight_decay is 0 or more, not {self.weight_decay}")
        require(0 <= self.momentum < 1, f"optimizer.momentum is from 0 to below 1, not {self.momentum}")
        require(self.clip >= 0, f"optimizer.clip is 0 or more, not {self.clip}")


@dataclass
class ScheduleConfig:
    """How the learning rate goes."""

    name: str = "cosine"
    """`cosine` falls to `end`, `constant` stays."""
    warmup: float = 0.05
    """Share of all steps over which it rises."""
    end: float = 0.01
    """What is left at the end, as a share of the highest."""

    def __post_init__(self) -> None:
        require(self.name in {"cosine", "constant"}, f"schedule.name is `cosine` or `constant`, not `{self.name}`")
        require(0 <= self.warmup < 1, f"schedule.warmup is a share from 0 to below 1, not {self.warmup}")
        require(0 <= self.end <= 1, f"schedule.end is a share from 0 to 1, not {self.end}")


@dataclass
class TrainerConfig:
    """How long, on what, and how precisely."""

    max_epochs: int = 20
    max_steps: int = 0
    """Ends earlier after so many optimizer steps; 0 is no such limit."""
    validate_every: int = 1
    """Epochs between two validations; the last epoch always has one."""
    precision: str = "fp32"
    """`fp32`, or `bf16` for autocast."""
    channels_last: bool = True
    accelerator: str = CPU
    """`cpu`, or what computes with CUDA: `gpu`, or a GPU's product name such as `l4`, which `submit` takes from its
    target."""
    processes: int = 1
    """Over all nodes: the world size."""
    threads: int = 1
    """Of each process; another number gives other weights."""
    average: float = 0.0
    """Decay of an exponential average of the weights, which is then what is judged and kept; 0 is none."""

    def __post_init__(self) -> None:
        require(self.max_epochs >= 1, f"trainer.max_epochs is at least 1, not {self.max_epochs}")
        require(self.max_steps >= 0, f"trainer.max_steps is 0 or more, not {self.max_steps}")
        require(self.validate_every >= 1, f"trainer.validate_every is at least 1, not {self.validate_every}")
        require(self.precision in {"fp32", "bf16"}, f"trainer.precision is `fp32` or `bf16`, not `{self.precision}`")
        require(
            _KIND.fullmatch(self.accelerator) is not None and self.accelerator not in _NO_KIND,
            f"trainer.accelerator is `cpu`, `gpu` or a GPU's name such as `l4`, not `{self.accelerator}`",
        )
        require(self.processes >= 1, f"trainer.processes is at least 1, not {self.processes}")
        require(self.threads >= 1, f"trainer.threads is at least 1, not {self.threads}")
        require(0 <= self.average < 1, f"trainer.average is from 0 to below 1, not {self.average}")

    @property
    def on_cpu(self) -> bool:
        """Whether it computes without a GPU."""
        return self.accelerator == CPU


@dataclass
class RuntimeConfig:
    """What does not change the weights: no part of the run key."""

    target: str = "local"
    checkpoint_seconds: float = 60.0
    """Time between two checkpoints."""
    checkpoint_steps: int = 0
    """Steps between two checkpoints instead; 0 goes by time."""
    keep_checkpoints: int = 2
    log_steps: int = 1
    """Steps between two points of a training curve."""
    cached: bool = True
    """Keep decoded pixels in the cache, where they fit."""
    reader_threads: int = 0
    """Threads that read; 0 is one for each core."""

    def __post_init__(self) -> None:
        require(self.checkpoint_seconds >= 0, f"runtime.checkpoint_seconds is 0 or more, not {self.checkpoint_seconds}")
        require(self.checkpoint_steps >= 0, f"runtime.checkpoint_steps is 0 or more, not {self.checkpoint_steps}")
        require(self.keep_checkpoints >= 1, f"runtime.keep_checkpoints is at least 1, not {self.keep_checkpoints}")
        require(self.log_steps >= 1, f"runtime.log_steps is at least 1, not {self.log_steps}")
        require(self.reader_threads >= 0, f"runtime.reader_threads is 0 or more, not {self.reader_threads}")


@dataclass
class RunConfig:
    """What every run has; a model's `Config` derives from it."""

    model: str = "???"
    seed: int = 0
    batch: int = 64
    """Images of one step over all processes."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    references: dict[str, Any] = field(default_factory=dict)
    """What is resolved to digests before the run is named. `start` is weights to begin with: a file, or runs:/NAME."""

    def __post_init__(self) -> None:
        require(self.seed >= 0, f"seed is 0 or more, not {self.seed}")
        require(self.batch >= 1, f"batch is at least 1, not {self.batch}")
        processes = self.trainer.processes
        require(
            self.batch % processes == 0, f"batch is a multiple of trainer.processes ({processes}), not {self.batch}"
        )
        for name in self.references:
            require(name == START, f"references has `{START}` and no other key, not `{name}`")
