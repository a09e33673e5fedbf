"""Files of a device that others than the agent's disk write: after a cut anywhere they hold the old or the new."""

import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent_world.cutting import Unsynced
from agent_world.steps import Steps
from slipway.serving.bundle.canonical import sha256
from slipway.serving.channel.trust_folder import TrustFolder
from slipway.serving.edge.agent.effects import Request
from slipway.serving.edge.configuration import DEVICE, Enrolment, Home
from slipway.serving.edge.inbox import Inbox
from slipway.serving.runtime.tensorrt.asking import Here
from slipway.serving.runtime.tensorrt.cache import EngineCache, Identity
from slipway.serving.runtime.tensorrt.making import write_private
from slipway.serving.runtime.tensorrt.tensors import Tensors

MODEL = "small-bays"
HERE = Here("tensorrt", "10.3.0", (8, 7), "Stand-in")


@dataclass(frozen=True)
class Writer:
    """How a file comes there, and what is read of it; `write` is told whether it is the first or the second time."""

    write: Callable[[Path, int], object]
    read: Callable[[Path], object]


def enrolment(turn: int) -> Enrolment:
    return Enrolment(
        id=f"bay-{turn}",
        device_class="edge-cpu",
        channel="https://models.example",
        models=(MODEL,),
        enrolled_at=datetime(2026, 3, turn, tzinfo=UTC),
        public_key="0" * 64,
        root="0" * 64,
    )


def identity(turn: int) -> Identity:
    return Identity(sha256(bytes(turn)), "fp16", HERE, Tensors((), ()))


def built(folder: Path, turn: int) -> None:
    """An engine as its builder leaves it, and the cache's part."""
    cache, engine = EngineCache(folder / "engines"), b"engine" * 100 * turn
    write_private(cache.place(identity(turn)), engine)
    cache.adopt(identity(turn), sha256(engine))


def engines(folder: Path) -> dict[int, bytes]:
    """What is in the engines that are found."""
    cache = EngineCache(folder / "engines")
    found = {turn: cache.find(identity(turn)) for turn in (1, 2)}
    return {turn: engine.path.read_bytes() for turn, engine in found.items() if engine is not None}


def only_the_second(folder: Path, turn: int) -> None:
    """Two engines, then one of them is not needed any more."""
    if turn == 1:
        built(folder, 1)
        built(folder, 2)
    else:
        EngineCache(folder / "engines").keep_only({identity(2).name})


WRITERS = {
    "device.json": Writer(
        lambda folder, turn: Home(folder).write(DEVICE, enrolment(turn).to_bytes()), lambda folder: Home(folder).find()
    ),
    "a request": Writer(
        lambda folder, turn: Inbox(Home(folder)).put(MODEL, Request(str(turn), "revert", "It blinks.", "ada")),
        lambda folder: Inbox(Home(folder)).get(MODEL),
    ),
    "trust": Writer(
        lambda folder, turn: TrustFolder(folder).write("timestamp.json", b"signed" * (99 + turn)),
        lambda folder: TrustFolder(folder).read("timestamp.json"),
    ),
    "an engine": Writer(built, engines),
    "engines removed": Writer(only_the_second, engines),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_cut_of_each_step_leaves_the_old_or_the_new_and_the_next_try_the_new(name: str, tmp_path: Path) -> None:
    writer = WRITERS[name]
    device = tmp_path / "device"
    device.mkdir()
    writer.write(device, 1)
    old = writer.read(device)
    whole = Steps(shutil.copytree(device, tmp_path / "whole"))
    with whole.running():
        writer.write(tmp_path / "whole", 2)
    new = writer.read(tmp_path / "whole")
    assert old != new
    assert len(whole.calls) >= 2
    found = []
    for number, (step, after, unsynced) in enumerate(
        itertools.product(range(len(whole.calls)), (False, True), Unsynced)
    ):
        folder = shutil.copytree(device, tmp_path / str(number))
        with Steps(folder, step, after=after, unsynced=unsynced).running():
            writer.write(folder, 2)
        found.append(writer.read(folder))
        writer.write(folder, 2)
        assert writer.read(folder) == new
    assert [one for one in found if one not in (old, new)] == []
    assert old in found
    assert new in found
