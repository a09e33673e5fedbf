"""The fleet as it is run: a channel's folder, the service, the controller and five agents, each a process of its own.

A good release goes from its first wave to all. One that is fine where it is proven and bad in the field is stopped
and undone before it leaves its wave. Whoever is killed meanwhile is started again, and nothing is lost or doubled.
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import small_onnx
from edge_field import CLASS, edge
from rolling_out import MODEL, Site
from slipway.platform.ledger.entry import Action
from slipway.serving.edge.configuration import DEVICE, Home
from slipway.serving.edge.reporting import states_of

pytestmark = [pytest.mark.xdist_group("fleet loop"), pytest.mark.timeout(600)]

DEVICES = tuple(f"gate-{number}" for number in range(1, 6))
KILLING_S, SOAKED_S = 20, 120
"""For how long processes are killed."""
PATIENCE_S = 120
"""For what must come; nothing is measured by it."""
SLIPWAY, EDGE = (str(Path(sys.executable).with_name(name)) for name in ("slipway", "slipway-edge"))
PATH = f"/v1/models/{MODEL}/infer"
BODY = small_onnx.images(1).tobytes()
BRIGHT = np.full((1, 3, small_onnx.SIZE, small_onnx.SIZE), 250, np.uint8).tobytes()


def plan() -> dict[str, Any]:
    """Two of five devices, then all; quick, and with little to see."""
    sample = {"decisions": 100, "devices": 1}
    wave = {"soak": "0m", "deadline": "30m", "sample": sample}
    limits = {"errors": 0.2, "latency": None, "divergence": None, "reverts": 0.4}
    return {"waves": [{"name": "first", "share": 40, **wave}, {"name": "all", **wave}], "limits": limits}


def bad_in_the_field() -> onnx.ModelProto:
    """Answers as the classifier does, and fails on whatever is bright."""
    nodes = [
        helper.make_node("Cast", ["images"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["numbers"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weights"], ["scores"]),
        helper.make_node("ReduceMax", ["rows"], ["brightest"], keepdims=0),
        helper.make_node("ReduceMin", ["rows"], ["darkest"], keepdims=0),
        helper.make_node("Div", ["darkest", "limit"], ["shares"]),
        helper.make_node("Cast", ["shares"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["nothing", "index"], ["found"]),
        helper.make_node("Add", ["scores", "found"], ["logits"]),
    ]
    constants = {
        "weights": small_onnx.weights(ord("c")),
        "limit": np.array(200, np.float32),
        "nothing": np.zeros(1, np.float32),
    }
    return small_onnx.model(nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()])


@dataclass
class Process:
    """A command that is started again whenever it ended."""

    command: list[str]
    environ: dict[str, str]
    log: Path
    folder: Path | None = None
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            environ = {**os.environ, "OMP_NUM_THREADS": "1", **self.environ}
            self.process = subprocess.Popen(self.command, cwd=self.folder, env=environ, stdout=log, stderr=log)

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(60) == 0, self.log.read_text()[-2000:]
        finally:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        """As the machine's kernel would, and the supervisor starts it again."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.start()

    def said(self) -> str:
        return self.log.read_text()


@dataclass
class Caller(threading.Thread):
    """Asks a device's model without a pause longer than a moment; what cannot be reached is asked again."""

    port: int
    bright: bool
    ended: threading.Event = field(default_factory=threading.Event)
    answered: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        turn = 0
        while not self.ended.wait(0.03):
            turn += 1
            with contextlib.suppress(OSError, HTTPException):
                connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
                body = BRIGHT if self.bright and turn % 2 else BODY
                connection.request("POST", PATH, body, {"Content-Type": "application/octet-stream"})
                status = connection.getresponse().status
                connection.close()
                self.answered += status == 200
                self.failed += status == 500

    def end(self) -> None:
        """Stop asking."""
        self.ended.set()
        self.join()

    __hash__ = threading.Thread.__hash__


@dataclass
class World:
    """All of it."""

    site: Site
    folder: Path
    environ: dict[str, str]
    url: str = ""
    service: Process = field(init=False)
    controller: Process = field(init=False)
    agents: dict[str, Process] = field(default_factory=dict)
    callers: dict[str, Caller] = field(default_factory=dict)

    def slipway(self, *arguments: str, by: str = "edda") -> str:
        environ = {**os.environ, **self.environ, "SLIPWAY_IDENTITY__PERSON": by}
        result = subprocess.run(
            [SLIPWAY, *arguments], cwd=self.site.root, env=environ, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def begin(self, exits: ExitStack) -> None:
        """The service, the controller, and the agents, which enrol first."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.environ |= {"SLIPWAY_FLEET__URL": self.url, "SLIPWAY_FLEET__PORT": str(port)}
        self.service = self.command("service", "rollouts", "fleet", "serve")
        self.run(exits, self.service)
        until(self, lambda: "Listening" in self.service.said(), "the service")
        for number, name in enumerate(DEVICES):
            token = self.slipway("fleet", "enrol", "--id", name, "--model", MODEL, "--yes").splitlines()[0]
            home = self.folder / name
            edge("enrol", "--fleet", self.url, "--token", token, "--id", name, "--class", CLASS, home=home)
            told = json.loads((home / DEVICE).read_text())
            probation = {"seconds": 5, "sample": 60, "longest": 3600, "every": 0.5}
            told |= {"window_s": 1, "polling": {"every_s": 5}, "probation": probation}
            (home / DEVICE).write_text(json.dumps(told))
            port = free_port()
            command = [EDGE, "serve", "--home", str(home), "--port", str(port)]
            self.agents[name] = Process(command, {}, self.folder / f"{name}.log")
            self.run(exits, self.agents[name])
            self.callers[name] = Caller(port, bright=number % 2 == 0)
            self.callers[name].start()
            exits.callback(self.callers[name].end)
        self.controller = self.command("controller", "rollouts", "fleet", "control", "--every", "0.5", "--yes")
        self.run(exits, self.controller)

    @staticmethod
    def run(exits: ExitStack, process: Process) -> None:
        process.start()
        exits.callback(process.stop)

    def release(self, letter: str) -> None:
        """Promote it, and begin its rollout by the plan."""
        self.site.promote(letter)
        path = self.folder / "plan.yaml"
        path.write_text(json.dumps(plan()))
        self.slipway("rollout", "start", MODEL, "--plan", str(path), "--yes", by="dora")

    def command(self, name: str, by: str, *arguments: str) -> Process:
        command = [SLIPWAY, *arguments]
        environ = {**self.environ, "SLIPWAY_IDENTITY__PERSON": by}
        return Process(command, environ, self.folder / f"{name}.log", self.site.root)

    def runs(self) -> dict[str, int | None]:
        """What each device runs, by its own journal."""
        found = {}
        for name in DEVICES:
            home = Home(self.folder / name)
            active = states_of(home, home.enrolment())[MODEL].active
            found[name] = active.release.number if active else None
        return found

    def heard(self) -> list[dict[str, Any]]:
        """The devices, as the service has them."""
        found: list[dict[str, Any]] = json.loads(self.slipway("fleet", "list", "--json"))["devices"]
        return found


def until(world: World, found: Callable[[], Any], what: str) -> Any:
    """Wait for it."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if got := found():
            return got
        time.sleep(0.2)
    said = [world.service, world.controller, *world.agents.values()]
    logs = "\n".join(f"--- {one.log.name}\n{one.said()[-1500:]}" for one in said)
    raise AssertionError(f"{what} did not come. Devices run {world.runs()}.\n{logs}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def begun(folder: Path) -> Iterator[World]:
    """Release 1 is everybody's, and five devices run it."""
    site = Site(folder / "site")
    site.open()
    site.release("a")
    environ = {**site.environ, "SLIPWAY_FLEET__REPORT_SECONDS": "1"}
    world = World(site, folder, environ)
    with ExitStack() as exits:
        world.begin(exits)
        until(world, lambda: set(world.runs().values()) == {1}, "release 1 on each device")
        yield world


def entries(world: World, *actions: Action) -> list[str]:
    """Who wrote which of these, in their order."""
    return [f"{one.entry.decision.action} {one.signer}" for one in world.site.entries(*actions)]


def test_a_good_release_goes_to_all_and_one_that_is_bad_in_the_field_is_undone_in_its_first_wave(
    tmp_path: Path,
) -> None:
    with begun(tmp_path) as world:
        world.release("b")
        until(world, lambda: set(world.runs().values()) == {2}, "release 2 on each device")
        until(world, lambda: world.site.rollout.target is None, "the end of the rollout")
        assert entries(world, Action.ADVANCE)[1:] == ["advance rollouts"] * 2
        heard = until(world, lambda: all_run(world, 2), "what devices run, at the service")
        assert {one["id"] for one in heard} == set(DEVICES)

        world.site.register("c", files={"model.fp32.onnx": bad_in_the_field().SerializeToString()})
        world.release("c")
        wave = {name for name in DEVICES if world.site.rollout.wave.includes(name, frozenset())}
        assert 0 < len(wave) < len(DEVICES)
        ran: set[str] = set()

        def undone() -> bool:
            ran.update(name for name, release in world.runs().items() if release == 3)
            return bool(entries(world, Action.ROLLBACK))

        until(world, undone, "the undoing of release 3")
        until(world, lambda: set(world.runs().values()) == {2}, "release 2 on each device again")
        assert ran <= wave
        assert entries(world, Action.ROLLBACK) == ["rollback rollouts"]
        assert world.site.champion == "b"
    assert all(caller.answered for caller in world.callers.values())


def all_run(world: World, release: int) -> list[dict[str, Any]]:
    """The devices as the service has them, once all of them run it."""
    listed = world.heard()
    return listed if all([found["release"] for found in one["running"]] == [release] for one in listed) else []


def test_whoever_is_killed_at_random_meanwhile_nothing_is_lost_or_doubled(
    tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(seed)
    with begun(tmp_path) as world:
        world.release("b")
        everybody = [world.service, world.controller, *world.agents.values()]
        ends = time.monotonic() + (SOAKED_S if request.node.get_closest_marker("soak") else KILLING_S)
        while time.monotonic() < ends:
            chance.choice(everybody).kill()
            time.sleep(chance.uniform(0.5, 4))
        until(world, lambda: world.site.rollout.target is None, "the end of the rollout")
        until(world, lambda: set(world.runs().values()) == {2}, "release 2 on each device")
        assert entries(world, Action.RELEASE, Action.ADVANCE, Action.ROLLBACK, Action.PAUSE)[2:] == [
            "release dora",
            "advance rollouts",
            "advance rollouts",
        ]
        until(world, lambda: all_run(world, 2), "what devices run, at the service")
