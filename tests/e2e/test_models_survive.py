"""Every shipped model, killed while it trains and gone on with: the bits of the one that nobody interrupted."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from slipway.platform.models.finder import model_named
from slipway.platform.runs.journal import events
from slipway.platform.runs.workplace import Order, Workplace
from slipway.training.config.compose import compose

pytestmark = pytest.mark.timeout(400)

SHORT = {
    "bay-occupancy": ("batch=8", "trainer.max_epochs=3"),
    "vehicle-reid": ("batch=8", "trainer.max_epochs=3", "trainer.validate_every=1"),
    "vehicle-detect": ("batch=8", "trainer.max_epochs=3"),
}
RUNTIME = ("runtime.checkpoint_steps=1", "runtime.reader_threads=1")
PICTURES = {
    "bay-occupancy": {"confusion", "curves", "precision-recall", "reliability", "worst"},
    "vehicle-reid": {"curves", "first-match", "gallery", "worst"},
    "vehicle-detect": {"curves", "precision-recall", "worst"},
}
EXACT = ("weights.safetensors", "trail.npz", "predictions.parquet", "evaluation.json")
PATIENCE = 200.0
PAUSE = 0.005


@dataclass
class Training:
    """The attempts at one training, all in one workplace."""

    model: str
    place: Workplace
    snapshot: Path
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def start(self) -> "subprocess.Popen[bytes]":
        """One more attempt, from the newest checkpoint."""
        kept = sorted(self.place.checkpoints.glob("step-*.ckpt"))
        order = Order(
            key="r1-0123", attempt=len(self.started) + 1, model=self.model, package=model_named(self.model).package,
            config=compose(self.model, [*SHORT[self.model], *RUNTIME]).config, snapshot=self.snapshot, view={},
            cache=self.place.folder.parent / "cache", resume=kept[-1] if kept else None,
        )  # fmt: skip
        self.place.checkpoints.mkdir(parents=True, exist_ok=True)
        self.place.order.write_text(order.model_dump_json())
        command = [sys.executable, "-m", "slipway.training.fitting.main", str(self.place.folder)]
        with self.place.log.open("ab") as log:
            child = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "MPLBACKEND": "Agg"})
        self.started.append(child)
        return child

    def finish(self) -> "Training":
        """Let an attempt come to its end."""
        assert self.start().wait(PATIENCE) == 0, self.place.log.read_text()
        return self

    def kill_when(self, moment: Callable[[], object]) -> bool:
        """Start an attempt and kill it then; whether it had not ended before."""
        child = self.start()
        deadline = time.monotonic() + PATIENCE
        while child.poll() is None and not moment():
            assert time.monotonic() < deadline
            time.sleep(PAUSE)
        child.send_signal(signal.SIGKILL)
        return child.wait() == -signal.SIGKILL

    def steps(self) -> int:
        """Steps that its journal tells of."""
        found = [event["step"] for event, _ in events(self.place.journal) if event["kind"] == "metrics"]
        return max(found, default=0)

    def result(self) -> dict[str, bytes]:
        """The files that must be the same to the bit."""
        return {name: (self.place.results / name).read_bytes() for name in EXACT}


MakeTraining = Callable[[str, str], Training]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "tiny"
    slipway = Path(sys.executable).parent / "slipway"
    subprocess.run([str(slipway), "world", "render", "tiny", str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture
def training(world: Path, tmp_path: Path) -> Iterator[MakeTraining]:
    made: list[Training] = []

    def make(model: str, name: str) -> Training:
        made.append(Training(model, Workplace(tmp_path / name), world))
        return made[-1]

    yield make
    for child in (child for one in made for child in one.started):
        child.kill()
        child.wait()


@pytest.mark.parametrize("model", sorted(SHORT))
def test_killed_in_the_middle_and_near_the_end_it_ends_with_the_same_bits(model: str, training: MakeTraining) -> None:
    undisturbed = training(model, "undisturbed").finish()
    last = undisturbed.steps()
    killed = training(model, "killed")
    assert killed.kill_when(lambda: killed.steps() >= last // 2)
    assert killed.kill_when(lambda: killed.steps() >= last)
    killed.finish()
    assert killed.result() == undisturbed.result()
    assert {path.stem for path in killed.place.results.glob("pictures/*.png")} == PICTURES[model]


@pytest.mark.soak
@pytest.mark.parametrize("model", sorted(SHORT))
def test_killed_at_any_moments_it_ends_with_the_same_bits(model: str, training: MakeTraining, seed: int) -> None:
    undisturbed = training(model, "undisturbed")
    began = time.monotonic()
    undisturbed.finish()
    chance, whole = random.Random(f"{model}/{seed}"), time.monotonic() - began
    killed = training(model, "killed")
    for _ in range(4):
        until = time.monotonic() + whole * chance.random()
        killed.kill_when(lambda until=until: time.monotonic() > until)  # type: ignore[misc]
    killed.finish()
    assert killed.result() == undisturbed.result()
