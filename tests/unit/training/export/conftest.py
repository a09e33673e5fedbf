"""A small network of bay-occupancy that has learned a little, and what an export of it is given."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.models.finder import model_named
from slipway.platform.runs.workplace import Order, Workplace
from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass, Lineage
from slipway.training.export import choosing
from slipway.training.export.exporting import Given, export
from slipway.training.export.wanted import WEIGHTS, Wanted
from slipway.training.task import Task
from slipway.training.tasks import task_for

MODEL = "bay-occupancy"
CONFIG: Mapping[str, Any] = {"model": MODEL, "network": {"stem": 16, "widths": [16, 24, 32], "head": 8}}
KEY = "r1-" + "1" * 64
STEPS = 40


@dataclass
class Bench:
    """A trained network and all that its export needs."""

    snapshot: Snapshot
    weights: Path

    @property
    def task(self) -> Task[Any]:
        return task_for(model_named(MODEL).package, CONFIG)

    @cached_property
    def network(self) -> nn.Module:
        """With the weights, ready to judge."""
        from slipway.training.export.network import trained

        return trained(self.task, self.task.examples(self.snapshot, "train"), self.weights)

    def wanted(self, key: str = KEY, **changes: Any) -> Wanted:
        """As the model's declaration asks, for a training with this key."""
        declared = model_named(MODEL).declaration
        given: dict[str, Any] = {
            "training": CONFIG,
            "export": Contract.model_validate(declared.export.model_dump(mode="json")),
            "devices": {
                name: DeviceClass.model_validate(one.model_dump(mode="json")) for name, one in declared.devices.items()
            },
            "lineage": Lineage(run_key=key, snapshot=self.snapshot.digest),
        }
        return Wanted.model_validate({**given, **changes})

    def given(self, wanted: Wanted) -> Given:
        """What `export` takes."""
        return Given(wanted=wanted, model=MODEL, weights=self.weights, snapshot=self.snapshot)

    def export(self, folder: Path, wanted: Wanted | None = None) -> Bundle:
        """A bundle, made in this process."""
        return export(self.given(wanted or self.wanted()), self.task, folder, lambda _: None).bundle

    def order(self, folder: Path, wanted: Wanted | None = None, weights: Path | None = None) -> Workplace:
        """A workplace with an order to export."""
        order = Order(
            key="r1-" + "2" * 64, attempt=1, kind="export", model=MODEL, package=model_named(MODEL).package,
            config=(wanted or self.wanted()).model_dump(mode="json"), snapshot=self.snapshot.folder, view={},
            cache=folder / "cache", references={WEIGHTS: weights or self.weights},
        )  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        workplace = Workplace(folder)
        workplace.order.write_text(order.model_dump_json())
        return workplace


@pytest.fixture
def start() -> "Callable[[Workplace, str], subprocess.Popen[str]]":
    """Starts the child in a process of its own, whose sets have an order of their own."""
    return _start


def _start(workplace: Workplace, seed: str) -> "subprocess.Popen[str]":
    code = "import sys; from pathlib import Path; from slipway.training.export.main import main; "
    return subprocess.Popen(
        [sys.executable, "-c", code + "sys.exit(main(Path(sys.argv[1])))", str(workplace.folder)],
        cwd=workplace.folder,
        env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="session")
def bench(bays: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """It knows free from occupied on what it has seen."""
    torch.manual_seed(0)
    task = task_for(model_named(MODEL).package, CONFIG)
    examples = task.examples(bays, "train")
    network, images = task.network(examples), torch.from_numpy(choosing.pixels(examples, choosing.every(examples)))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(STEPS):
        optimizer.zero_grad()
        functional.cross_entropy(network(images)["logits"], examples.truth["state"]).backward()
        optimizer.step()
    weights = tmp_path_factory.mktemp("trained") / WEIGHTS
    save_file({f"network.{name}": tensor.contiguous() for name, tensor in network.state_dict().items()}, weights)
    return Bench(bays, weights)


@pytest.fixture(scope="session")
def bundle(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Its export, made once."""
    return bench.export(tmp_path_factory.mktemp("exported") / "bundle")
