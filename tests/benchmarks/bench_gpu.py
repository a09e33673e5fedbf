"""What training makes of a GPU, for each shipped model with its `base` network, in bf16 and channels last.

A step: the whole training from a snapshot (reading, random changes, copies to the device, journal, curves, trail,
progress), against a plain PyTorch loop with the same network, criterion and optimizer, whose batches lie in pinned
memory already; at least 0.98 of its speed is wanted. The data: all that it takes to have a batch, with nothing else to
do, against a plain step; less is wanted, or the GPU would wait. Beside the pairs stand images a second, how busy the
GPU is, its share of the peak in model FLOPs (those of the layers, forward and backward, each counted once), and the
share of the time in which the loop had no batch.

Steps are counted from the first one after which training looks at its weights no more often than it always will.
`make bench-gpu` runs it. On a processor only small networks run, which tells nothing but that the bench works.
"""

import itertools
import os
import statistics
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from gpu_device import TERA, Peak, Stopwatch, named, peak, sampled
from gpu_pictures import Amounts, write_pictures
from gpu_training import Long, Timed
from harness import Figures, Pair
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.jobs.runner.environment import FIXED
from slipway.platform.runs.workplace import Order, Workplace
from slipway.training.config.compose import compose
from slipway.training.fitting import lightning
from slipway.training.fitting.feed import Fed
from slipway.training.fitting.main import task_of
from slipway.training.fitting.processes import Place
from slipway.training.fitting.run import Surroundings
from slipway.training.fitting.stopping import Request
from slipway.training.fitting.trail import FIRST
from slipway.training.task import Task

ROOT: Final = Path(__file__).resolve().parents[2]
SHARE: Final = 0.98
WARM: Final = 20
"""Steps of a plain loop, and batches, until they are as quick as they get."""
HELD: Final = 8
"""Batches that lie in memory."""
CUBLAS: Final = "CUBLAS_WORKSPACE_CONFIG"


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    amounts: Amounts
    overrides: Mapping[str, tuple[str, ...]]
    """By model."""
    first: int
    """Steps of a training before any is counted."""
    steps: int
    """Steps that are counted."""


GPU: Final = Scale(
    amounts=Amounts(individuals=160, bays=2048, scenes=256),
    overrides={
        "bay-occupancy": ("network=base", "batch=512", "trainer.accelerator=gpu"),
        "vehicle-detect": ("network=base", "batch=64", "trainer.accelerator=gpu"),
        "vehicle-reid": ("network=base", "batch=256", "trainer.accelerator=gpu"),
    },
    first=FIRST + 10,
    steps=200,
)
PROCESSOR: Final = Scale(
    amounts=Amounts(individuals=4, bays=8, scenes=4),
    overrides={
        "bay-occupancy": ("batch=4", "network.size=16"),
        "vehicle-detect": ("batch=2", "data.height=32", "data.width=64"),
        "vehicle-reid": ("batch=8", "network.height=32", "network.width=32"),
    },
    first=2,
    steps=2,
)
ALWAYS: Final = (
    "trainer.precision=bf16", "trainer.channels_last=true", "trainer.max_epochs=1",
    # What a plain loop has not, and what costs computing: part of some models' recipes, none of the loop's.
    "trainer.average=0", "optimizer.clip=0", "optimizer.name=adamw", "optimizer.lr=1e-4",
)  # fmt: skip


@contextmanager
def pairs(device: str = "cuda") -> Iterator[list[Pair]]:
    """Two for each model."""
    os.environ.setdefault(CUBLAS, FIXED[CUBLAS])  # before the first sum on the device, as every child has it
    place, scale = (torch.device("cuda", 0), GPU) if device == "cuda" else (torch.device("cpu"), PROCESSOR)
    state = ROOT / ".slipway" / "bench"
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state) as scratch:
        folder = Path(scratch)
        write_pictures(folder / "data", scale.amounts)
        limit = peak(place)
        benches = [Bench(model, scale, place, folder, limit) for model in scale.overrides]
        yield [pair for bench in benches for pair in bench.pairs()]


@dataclass(frozen=True)
class Round:
    """What one round of a training's steps has shown."""

    seconds: float
    waited: float
    busy: float | None


class Bench:
    """One model's steps: ours, plain ones, and its batches alone."""

    def __init__(self, model: str, scale: Scale, device: torch.device, folder: Path, limit: Peak | None) -> None:
        self._scale, self._device, self._folder, self._limit = scale, device, folder, limit
        total = scale.first + scale.steps
        composed = compose(model, [*scale.overrides[model], *ALWAYS, f"trainer.max_steps={total}"])
        self._order = Order(
            key="r1-bench", attempt=1, model=model, package=composed.model.package, config=composed.config,
            snapshot=folder / "data", view={}, cache=folder / "cache",
        )  # fmt: skip
        self._batch: int = composed.config["batch"]
        self._rounds: list[Round] = []
        self._held: list[Fed] = []

    def pairs(self) -> list[Pair]:
        """The loop against the plain loop, and the data against the step."""
        watches = [Stopwatch(self._device) for _ in range(2)]
        network = "base" if "network=base" in self._scale.overrides[self._order.model] else "small"
        name = f"{self._order.model} {network}, batches of {self._batch}"
        return [
            Pair(
                name=f"{name}: a step of a training, against a plain loop",
                ours=lambda: self.ours(watches[0]),
                reference=lambda: self.plain(watches[0]),
                unit="ms",
                goal=1 / SHARE,
                times=self._scale.steps,
                clock=watches[0],
                figures=self.figures,
            ),
            Pair(
                name=f"{name}: having a batch, against a plain step",
                ours=lambda: self.data(watches[1]),
                reference=lambda: self.plain(watches[1]),
                unit="ms",
                goal=1.0,
                times=self._scale.steps,
                clock=watches[1],
            ),
        ]

    def ours(self, watch: Stopwatch) -> None:
        """All that a training does at its steps."""
        before = watch.seconds, watch.waited
        with lightning.exact(1), lightning.quiet(), sampled(self._device) as busy, self._run(watch) as run:
            run.train()
        counted = watch.seconds - before[0]
        share = busy.between(watch.ended - counted, watch.ended)
        self._rounds.append(Round(counted, watch.waited - before[1], share))

    def plain(self, watch: Stopwatch) -> None:
        """What everybody writes."""
        steps = self._plain_steps()
        for _ in itertools.islice(steps, min(self._scale.first, WARM)):
            pass
        with watch.counting():
            for _ in itertools.islice(steps, self._scale.steps):
                pass

    def data(self, watch: Stopwatch) -> None:
        """Batches, one after the other, and nothing else."""
        with lightning.exact(1), self._run(watch) as run:
            batches = iter(run.feed)
            for _ in itertools.islice(batches, min(self._scale.first, WARM)):
                pass
            with watch.counting():
                for _ in itertools.islice(batches, self._scale.steps):
                    pass

    def figures(self) -> Figures:
        """What else is worth knowing of a training's steps; medians."""
        rounds = self._rounds[1:]  # the first one was for warming up
        seconds = statistics.median(one.seconds for one in rounds) / self._scale.steps
        busy = [one.busy for one in rounds if one.busy is not None]
        flops = self._flops()
        found: dict[str, float | str | None] = {
            "images a second": self._batch / seconds,
            "waiting for data, share of the time": statistics.median(one.waited / one.seconds for one in rounds),
            "GPU busy, per cent": statistics.median(busy) if busy else None,
            "model TFLOP a step": flops / TERA,
            "model TFLOP/s": flops / seconds / TERA,
            "share of the peak": flops / seconds / TERA / self._limit.value if self._limit else None,
            "peak in bf16, TFLOP/s": self._limit.value if self._limit else None,
            "peak according to": self._limit.source if self._limit else None,
            "device": named(self._device),
            "torch": torch.__version__,
        }
        return found

    def _run(self, watch: Stopwatch) -> Timed:
        workplace = Workplace(Path(tempfile.mkdtemp(dir=self._folder)))
        given = Surroundings(self._order, workplace, Place(), self._device, None, Request())
        return Timed(self._task(), given, watch, range(self._scale.first, self._scale.first + self._scale.steps))

    def _task(self) -> Task[Any]:
        """The model's own, in one epoch that is long enough."""
        task = task_of(self._order)
        planned = task.plan
        total = self._scale.first + self._scale.steps
        task.plan = lambda examples: Long.of(planned(examples), total)  # type: ignore[method-assign]
        return task

    def _batches(self) -> list[Fed]:
        """The first few, as training has them."""
        if not self._held:
            with self._run(Stopwatch(self._device)) as run:
                self._held = list(itertools.islice(iter(run.feed), min(HELD, self._scale.steps)))
        return self._held

    def _flops(self) -> int:
        """Of the layers in one step."""
        with FlopCounterMode(display=False) as counter:
            next(self._plain_steps())
        return int(counter.get_total_flops())

    def _plain_steps(self) -> Generator[None, None, None]:
        """A step at each `next`, without end."""
        task, batches = self._task(), self._batches()
        examples = task.examples(Snapshot(self._order.snapshot), "train")
        torch.manual_seed(0)
        network, criterion = task.network(examples).to(self._device), task.criterion(examples).to(self._device)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        learning = [one for part in (network, criterion) for one in part.parameters() if one.requires_grad]
        tuned = torch.optim.AdamW(learning, lr=1e-4, fused=True)
        for fed in itertools.cycle(batches):
            there = fed.to(self._device)
            with torch.autocast(self._device.type, torch.bfloat16):
                heads: Mapping[str, Tensor] = network(there.images)
            criterion({name: head.float() for name, head in heads.items()}, there.truth)["loss"].backward()
            tuned.step()
            tuned.zero_grad(set_to_none=True)
            yield
