"""What training costs besides computing: for each step, and before the first one.

A step: the whole loop with Lightning's Trainer, journal, curves, trail, progress and checkpoints by the clock, against
a plain PyTorch loop with the same network, optimizer and batches, which lie in memory for both. On a micro network at
most 0.4 ms more are wanted, on a step of 70 ms at least 0.98 of the plain loop's speed. The start: `slipway train`, and
its child process alone, until the first step is done, against `straightforward.py` until it has done the same.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch

from harness import Pair
from micro_model.config import Config
from micro_model.task import MicroTask
from slipway.platform.data.rows import Image
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.runs.journal import Journal, events
from slipway.platform.runs.workplace import Order, Workplace
from slipway.training.fitting import checkpoints, lightning
from slipway.training.fitting.boundaries import Boundaries
from slipway.training.fitting.course import Course
from slipway.training.fitting.feed import Fed
from slipway.training.fitting.learner import Learner
from slipway.training.fitting.processes import Agreement, Place
from slipway.training.fitting.state import State
from slipway.training.fitting.stopping import Request
from slipway.training.fitting.telling import Telling
from slipway.training.fitting.trail import Trail, images_sum
from slipway.training.task import Examples

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
MORE_MS: Final = 0.4
SHARE: Final = 0.98
START_GOAL: Final = 0.6
SLIPWAY: Final = str(Path(sys.executable).parent / "slipway")
JOURNALS: Final = ".slipway/work/*/*/journal.jsonl"
TICK: Final = 0.01
MICRO: Final = Config(model="micro", batch=16)
LARGE: Final = Config(model="micro", batch=32, width=24, side=64)


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """Two kinds of step, and the start."""
    state = ROOT / ".slipway" / "bench"
    state.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory(dir=state) as scratch:
        folder = Path(scratch)
        torch.set_num_threads(1)
        try:
            yield [*step_pairs(folder), start_pair(folder), command_pair(folder)]
        finally:
            torch.set_num_threads(threads)


def step_pairs(folder: Path) -> list[Pair]:
    """The loop against the plain loop."""
    micro, large = Bench(MICRO, folder / "micro", 1500), Bench(LARGE, folder / "large", 30)
    plain = milliseconds(micro)
    return [
        Pair(
            name=f"a step of a micro network, at most {MORE_MS} ms more than a plain loop",
            ours=micro.ours,
            reference=micro.plain,
            unit="ms",
            goal=(plain + MORE_MS) / plain,
            times=micro.steps,
        ),
        Pair(
            name="a step of about 70 ms, against a plain loop",
            ours=large.ours,
            reference=large.plain,
            unit="ms",
            goal=1 / SHARE,
            times=large.steps,
        ),
    ]


def milliseconds(bench: "Bench") -> float:
    """What a plain step takes, once it is warm."""
    bench.plain()
    started = time.perf_counter()
    bench.plain()
    return (time.perf_counter() - started) * 1000 / bench.steps


class Bench:
    """The same steps, ours and plain."""

    def __init__(self, config: Config, folder: Path, steps: int) -> None:
        self._config, self._folder, self.steps = config, folder, steps
        folder.mkdir()
        self._task = MicroTask(config)
        self._examples = self._task.examples(None, "train")  # type: ignore[arg-type]  # it makes its own
        self._batches = in_memory(self._examples, config.batch)
        self._sums = [images_sum(images, 0) for images, _ in self._batches]

    def plain(self) -> None:
        """What everybody writes."""
        torch.manual_seed(0)
        network, criterion = self._task.network(self._examples), self._task.criterion(self._examples)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        tuned = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
        for step in range(self.steps):
            images, labels = self._batches[step % len(self._batches)]
            loss = criterion(network(images), {"label": labels})["loss"]
            loss.backward()
            tuned.step()
            tuned.zero_grad(set_to_none=True)

    def ours(self) -> None:
        """All that a training does at its steps."""
        course = Course(self.steps, self.steps, 1)
        place = Place()
        learner = Learner.build(self._task, self._examples, course, place.share)
        state, trail = State(), Trail(learner.names)
        journal = Journal(self._folder / "journal.jsonl")
        telling = Telling(journal, state, trail, course, place, self._task.plan(self._examples), 1)
        work = Work(
            state, course, InMemory(self._batches, self._sums, self.steps), telling, learner, trail, self._folder
        )
        boundaries = Boundaries(work, self._config.runtime, Agreement(None, 1), Request())  # type: ignore[arg-type]
        with lightning.quiet():
            trainer = lightning.trainer(self._config.trainer, place, torch.device("cpu"), boundaries, 1)
            trainer.fit(learner, work.feed)
        journal.close()


Batches = list[tuple[torch.Tensor, torch.Tensor]]


def in_memory(examples: Examples, batch: int) -> Batches:
    """All rows in batches."""
    side = examples.source.size[0]
    found = []
    for begin in range(0, examples.count, batch):
        rows = np.arange(begin, begin + batch)
        pixels = np.empty((batch, side, side, 3), np.uint8)
        examples.source.read(rows, pixels)
        found.append((torch.from_numpy(pixels).permute(0, 3, 1, 2), examples.truth["label"][rows]))
    return found


@dataclass
class InMemory:
    """Feeds batches that are there already, with their checksums: in a training a thread makes both."""

    batches: Batches
    sums: list[int]
    steps: int
    step: int = 0

    def __iter__(self) -> Iterator[Fed]:
        for step in range(self.steps):
            images, labels = self.batches[step % len(self.batches)]
            yield Fed(step, images, {"label": labels}, self.sums[step % len(self.sums)])


@dataclass
class Work:
    """What stands between the steps of a training, without its data."""

    state: State
    course: Course
    feed: InMemory
    telling: Telling
    learner: Learner
    trail: Trail
    folder: Path

    def validate(self) -> None:
        """There is nothing to validate on."""

    def checkpoint(self) -> None:
        """A real one."""
        content = {
            **self.learner.to_plain(),
            "trail": self.trail.to_tensors(),
            "state": self.state.to_plain(),
        }
        checkpoints.write(Workplace(self.folder), self.state.step, "r1-bench", content, 2)


def start_pair(folder: Path) -> Pair:
    """Two processes until their first step is done."""
    workplace = Workplace(folder / "start")
    workplace.folder.mkdir()
    data = folder / "data"
    with SnapshotWriter(data) as writer:
        _, encoded = cv2.imencode(".png", np.zeros((16, 16, 3), np.uint8))
        writer.add(encoded.tobytes(), Image(width=16, height=16, split="train", source="black"))
        writer.finish([], licence="made here")
    order = Order(
        key="r1-bench", attempt=1, model="micro", package="micro_model", config={"model": "micro", "only_start": True},
        snapshot=data, view={}, cache=folder / "cache",
    )  # fmt: skip
    workplace.order.write_text(order.model_dump_json())
    environ = {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}
    ours = [sys.executable, "-m", "slipway.training.fitting.main", str(workplace.folder)]
    theirs = straightforward(folder)
    return Pair(
        name="start of the training process to the first optimizer step, against a straightforward script",
        ours=lambda: run(ours, environ),
        reference=lambda: run(theirs, environ),
        unit="s",
        goal=START_GOAL,
    )


def command_pair(folder: Path) -> Pair:
    """A person's command until the first step is done: naming the work, code archive, record and all."""
    world, project = folder / "world", folder / "project"
    project.mkdir()
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "HOME": str(folder)}
    run([SLIPWAY, "world", "render", "tiny", str(world)], environ)
    seeds = itertools.count()
    theirs = straightforward(folder)

    def ours() -> None:
        work = ["bay-occupancy", "batch=8", "trainer.max_epochs=1000", f"seed={next(seeds)}", "--snapshot", str(world)]
        begun = set(project.glob(JOURNALS))
        child = subprocess.Popen([SLIPWAY, "train", *work], cwd=project, env=environ, stderr=subprocess.DEVNULL)
        try:
            while not any(stepped(path) for path in set(project.glob(JOURNALS)) - begun):
                if child.poll() is not None:
                    raise RuntimeError(f"slipway train ended with {child.returncode}")
                time.sleep(TICK)
        finally:
            child.kill()
            child.wait()

    return Pair(
        name="slipway train to the first optimizer step, against a straightforward script",
        ours=ours,
        reference=lambda: run(theirs, environ),
        unit="s",
        goal=START_GOAL,
    )


def stepped(journal: Path) -> bool:
    """Whether a training has done a step."""
    return any(event.get("step", 0) >= 1 for event, _ in events(journal))


def straightforward(folder: Path) -> list[str]:
    """The reference's command."""
    return [sys.executable, str(HERE / "straightforward.py"), f"+folder={folder}", f"hydra.run.dir={folder}/hydra"]


def run(command: list[str], environ: dict[str, str]) -> None:
    """Run a process to its end."""
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(json.dumps([command, done.returncode, done.stderr[-2000:]]))
