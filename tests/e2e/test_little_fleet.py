"""A laptop's fleet as `slipway local up` runs it: agents enrol, follow releases and cameras, and come back.

One stack for all tests here, in their order.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3

import handmade_bundle
from little_company import USER, Laptop, make_champion
from slipway.pipelines.local import processes, standing
from slipway.pipelines.local.founding.cameras import BAYS, truth_of
from slipway.pipelines.local.founding.sites import set_scenario
from slipway.platform.ledger.entry import Action
from slipway.platform.registry.desk import Desk
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.release.folding import load_rollout

pytestmark = [pytest.mark.xdist_group("little-fleet"), pytest.mark.timeout(600)]

AGENTS = ("north-1", "north-2")
PATIENCE_S = 240
PLAN = """\
waves:
  - {name: pilot, cohort: pilot, soak: 0m, sample: {decisions: 30}}
  - {name: all, soak: 0m, sample: {decisions: 60}}
limits: {latency: null, reverts: 0}
"""
SLIPWAY = Path(sys.executable).with_name("slipway")


class Stack(Laptop):
    """A laptop whose fleet runs."""

    def command(self, *words: str) -> str:
        """What it said on standard output."""
        environ = {"PATH": os.environ["PATH"], "LOGNAME": USER, "OMP_NUM_THREADS": "1", **self.environ}
        done = subprocess.run(
            [SLIPWAY, *words], cwd=self.root, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def begin(self) -> None:
        """On ports that nobody else here takes, with a plan of the project's own."""
        (self.root / "plan.yaml").write_text(PLAN)
        self.environ["SLIPWAY_FLEET__PLAN"] = "plan.yaml"
        (self.root / ".slipway" / "local").mkdir(mode=0o700, parents=True)
        with socket.socket() as one, socket.socket() as other:
            for probe in (one, other):
                probe.bind(("127.0.0.1", 0))
            ports = {"fleet": one.getsockname()[1], "channel": other.getsockname()[1]}
        (self.place.folder / "ports.json").write_text(json.dumps(ports))
        self.command("local", "up", "--detach", "--only", "fleet", "--agents", str(len(AGENTS)))

    def releases(self) -> list[int | None]:
        """What each device runs, as far as it has told."""
        with FleetStore.of(self.loaded) as store:
            devices = [store.device(name) for name in AGENTS]
        return [one.running[BAYS].release if one and BAYS in one.running else None for one in devices]

    def everybodys(self, number: int) -> bool:
        """Whether release `number` is everybody's."""
        return load_rollout(Desk.of(self.loaded), BAYS)[0].base_number == number

    def until(self, found: Callable[[], bool], what: str) -> None:
        """Wait for it."""
        end = time.monotonic() + PATIENCE_S
        while not found():
            assert time.monotonic() < end, f"{what} did not come\n{self.place.log.read_text()[-4000:]}"
            time.sleep(0.5)

    def pid(self, name: str) -> int:
        found = standing.read(self.place)
        assert found is not None
        return next(one.pid for one in found.components if one.name == name)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two agents that nobody has told anything yet."""
    made = Stack(tmp_path_factory.mktemp("laptop"))
    try:
        made.begin()
        yield made
    finally:
        made.command("local", "down")
    assert not processes.of_stack(made.place.name)


def champion(stack: Stack, number: int) -> None:
    """A champion whose bundle nobody else has."""
    folder = stack.folder / f"bundle-{number}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(handmade_bundle.PARTS, "middle", (16, 48 - number))
        handmade_bundle.make_bundle(folder)
    make_champion(stack.loaded, folder, number, person=USER)


def test_devices_are_enrolled_with_keys_of_their_own_and_a_person_may_look(stack: Stack) -> None:
    devices = {one["id"]: one for one in json.loads(stack.command("fleet", "list", "--json"))["devices"]}
    assert tuple(devices) == AGENTS
    assert {one["device_class"] for one in devices.values()} == {"edge-cpu"}
    assert devices[AGENTS[0]]["cohorts"] == ["pilot"]
    keys = {(stack.place.folder / "devices" / name / "device.key").read_bytes() for name in AGENTS}
    assert len(keys) == len(AGENTS)
    address = stack.command("local", "open", "console").splitlines()[0]
    with urllib3.PoolManager() as pool:
        assert pool.request("GET", address, redirect=False).status == 303


def test_a_release_reaches_both_by_the_plan_and_their_decisions_arrive(stack: Stack) -> None:
    champion(stack, 1)
    told = stack.command("rollout", "start", BAYS)
    assert "is release 1, to the cohort pilot" in told
    stack.until(lambda: stack.everybodys(1), "the end of the rollout of release 1")
    stack.until(lambda: stack.releases() == [1, 1], "release 1 on both devices")
    entries = [one for one in Desk.of(stack.loaded).ledger.entries(BAYS) if one.signer == "rollout"]
    assert [one.entry.decision.action for one in entries] == [Action.ADVANCE, Action.ADVANCE]
    now = datetime.now(UTC)
    with FleetStore.of(stack.loaded) as store:
        work = store.work(BAYS, since=now - timedelta(hours=1), until=now + timedelta(hours=1))
    assert {one.device for one in work} == set(AGENTS)
    assert sum(one.counts["answered"] for one in work) >= 60
    line = json.loads((stack.place.folder / "devices" / AGENTS[0] / "events.jsonl").read_text().splitlines()[-1])
    assert line["site"]["name"] == "north"
    at = datetime.fromisoformat(line["at"])
    truth = truth_of(stack.place, AGENTS[0], line["stream"], at)
    assert truth is not None
    assert truth.state in {"free", "occupied"}


def test_an_agent_that_is_killed_is_the_same_device_when_it_comes_back(stack: Stack) -> None:
    before, home = stack.pid(AGENTS[1]), stack.place.folder / "devices" / AGENTS[1]
    key, log = (home / "device.key").read_bytes(), stack.place.log.read_text()
    os.kill(before, signal.SIGKILL)
    stack.until(lambda: stack.pid(AGENTS[1]) not in {0, before}, "the next start of the agent")
    stack.until(lambda: (home / "reached").stat().st_mtime > time.time() - 5, "a report of it")
    assert (home / "device.key").read_bytes() == key
    assert "is enrolled" not in stack.place.log.read_text()[len(log) :]


def test_night_comes_to_all_cameras_by_one_entry_and_no_agent_is_started_anew(stack: Stack) -> None:
    before = {name: stack.pid(name) for name in AGENTS}
    assert set_scenario(stack.acting(), "night-shift", reason="night comes")

    def dark() -> bool:
        told = [
            json.loads(line)
            for file in (stack.place.folder / "truth").rglob("*.jsonl")
            for line in file.read_text().splitlines()[-1:]
        ]
        return 3 * [one["light"] for one in told].count("night") >= 2 * len(told)

    stack.until(dark, "the night")
    assert {name: stack.pid(name) for name in AGENTS} == before


def test_what_is_undone_leaves_both_devices_with_the_release_before(stack: Stack) -> None:
    champion(stack, 2)
    stack.command("rollout", "start", BAYS)
    stack.until(lambda: stack.releases() == [2, 1], "release 2 on the pilot")
    stack.command("rollback", BAYS, "--reason", "wrong at night")
    stack.until(lambda: stack.releases() == [1, 1], "release 1 on both devices again")
    assert Desk.of(stack.loaded).standing(BAYS).champion is not None
