"""Commands of `slipway-edge` on a device in a folder: what they say, refuse, and ask of the agent."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root

from agent_world.bundles import made
from agent_world.world import MODEL, NOW, World
from slipway.serving.bundle.canonical import sha256
from slipway.serving.edge.agent.health import RULES
from slipway.serving.edge.agent.state import Bad, Phase, State
from slipway.serving.edge.cli import main
from slipway.serving.edge.configuration import DEVICE, Enrolment, Home, Polling, Probation, root_name
from slipway.serving.edge.following import Following
from slipway.serving.edge.holding import held
from slipway.serving.edge.inbox import Inbox
from slipway.serving.edge.reporting import model_json, no_way_back, states_of
from slipway.serving.edge.status import Membership


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What a command sets for its process ends with the test."""
    log = logging.getLogger("slipway")
    level = log.level
    yield
    log.setLevel(level)


@pytest.fixture(scope="module")
def root() -> bytes:
    """Root metadata, signed by its own key."""
    signer = CryptoSigner.generate_ed25519()
    root = Root(expires=datetime.now(UTC) + timedelta(days=1))
    root.add_key(signer.public_key, Root.type)
    metadata = Metadata(root)
    metadata.sign(signer)
    return metadata.to_bytes()


@pytest.fixture
def world(tmp_path: Path, root: bytes) -> World:
    """An enrolled device that has settled on its second release; the first one is whole in the other slot."""
    world = World(tmp_path / "device")
    world.told.release(1, made(tmp_path / "one", 1))
    world.told.release(2, made(tmp_path / "two", 2), floor=1)
    world.told.point(1)
    agent = world.boot()
    world.poll(agent)
    world.told.point(2)
    assert world.poll(agent).phase is Phase.SETTLED
    agent.close()
    enrol(world, root)
    return world


def enrol(world: World, root: bytes) -> None:
    """Make its folder that of a device."""
    enrolment = Enrolment(
        id=world.device.id,
        device_class=world.device.device_class,
        channel=str(world.folder / "no channel"),
        models=(MODEL,),
        enrolled_at=world.device.enrolled,
        public_key="0" * 64,
        root=sha256(root),
    )
    home = Home(world.folder)
    home.write(root_name(sha256(root)), root)
    home.write(DEVICE, enrolment.to_bytes())


def state_of(world: World) -> State:
    home = Home(world.folder)
    return states_of(home, home.enrolment())[MODEL]


def edge(world: World, *arguments: str) -> int:
    return main([*arguments, "--home", str(world.folder)])


def raise_floor(world: World, folder: Path) -> None:
    """The channel has a release whose floor is the second, and which this agent is too old for."""
    world.told.release(3, made(folder, 3), floor=2, minimum_agent="99.0.0")
    world.told.point(2, 3)


def test_going_back_is_done_by_the_command_where_no_agent_runs(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edge(world, "revert", MODEL, "--reason", "the gate stays shut") == 0
    assert "release 1" in capsys.readouterr().out
    after = state_of(world)
    assert after.active is not None
    assert (after.active.release.number, after.phase) == (1, Phase.REVERTED)
    assert Inbox(Home(world.folder)).get(MODEL) is None
    assert edge(world, "why", MODEL) == 0
    assert "release 2, bundle" in (said := capsys.readouterr().out)
    assert "left by an operator" in said


def test_going_back_below_the_floor_is_refused_with_the_reason_before_anybody_is_asked(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raise_floor(world, tmp_path / "three")
    agent = world.boot()
    before = world.poll(agent)
    agent.close()
    assert before.before is not None
    assert edge(world, "revert", MODEL, "--reason", "x") == 2
    assert "release 1 is below the floor: devices that have seen 2 run nothing older" in capsys.readouterr().err
    assert Inbox(Home(world.folder)).get(MODEL) is None
    assert state_of(world).answered == ""
    assert edge(world, "status") == 0
    assert "may not be gone back to: release 1 is below the floor" in capsys.readouterr().out


def test_the_reason_against_a_way_back_that_failed_here_is_told(world: World) -> None:
    state = state_of(world)
    assert state.before is not None
    assert no_way_back(state) is None
    release = state.before.release
    bad = Bad(number=1, bundle=release.bundle, phase=Phase.PROBATION, why="Half of its answers failed.", at=NOW)
    told = no_way_back(state.model_copy(update={"bad": (bad,)}))
    assert told == "release 1 failed here on 2026-03-01 12:00 UTC, in probation: Half of its answers failed."
    assert "holds no release" in str(no_way_back(state.model_copy(update={"before": None})))


def test_a_look_that_fails_is_told_once(
    world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    problem = f"There is no folder {world.folder / 'no channel'}."
    assert edge(world, "once") == 1
    assert problem in caplog.text
    said = capsys.readouterr().err
    assert problem not in said
    assert "for the reason above" in said
    caplog.clear()
    assert edge(world, "once") == 1  # the same reason is written down once an hour, and told each time
    assert problem not in caplog.text
    assert problem in capsys.readouterr().err


def test_a_port_that_is_taken_leaves_no_trace_of_the_agent(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in world.folder.rglob("*") if path.is_file()}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert edge(world, "serve", "--port", str(taken.getsockname()[1])) == 1
    assert "Address already in use" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in world.folder.rglob("*") if path.is_file()} == before


@contextmanager
def agent_that_runs(world: World, before: Callable[[Following], None] = lambda _: None) -> Iterator[None]:
    """The device's folder is held, and a request is carried out, after something else has happened."""
    agents = Following(
        {MODEL: world.boot()},
        clock=world.clock,
        inbox=Inbox(Home(world.folder)),
        polling=Polling(),
        draw=lambda: 0.5,
        show=lambda _: None,
    )
    ended = threading.Event()

    def work() -> None:
        while Inbox(Home(world.folder)).get(MODEL) is None:
            if ended.wait(0.01):
                return
        before(agents)
        agents.carry_out(MODEL)

    thread = threading.Thread(target=work)
    with held(world.folder, "run", NOW):
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def test_a_running_agent_that_refuses_to_go_back_fails_the_command_with_its_reason(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def look(agents: Following) -> None:
        raise_floor(world, tmp_path / "three")
        agent = agents.agents[MODEL]
        agent.ask()
        agent.run()
        assert agent.state.floor == 2

    with agent_that_runs(world, look):
        assert edge(world, "revert", MODEL, "--reason", "the gate stays shut") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "did not go back" in said.err
    assert "the gate stays shut" in said.err
    assert "The release 1 is below the floor 2" in said.err


def test_a_release_that_failed_here_is_tried_again_when_an_operator_asks(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edge(world, "again", MODEL, "--reason", "x") == 2
    assert "no release failed here" in capsys.readouterr().err
    assert edge(world, "revert", MODEL, "--reason", "the gate stays shut") == 0
    assert [bad.number for bad in state_of(world).bad] == [2]
    assert edge(world, "again", MODEL, "--release", "3", "--reason", "x") == 2
    assert "not release 3 failed here, but release 2" in capsys.readouterr().err
    assert edge(world, "again", MODEL, "--release", "2", "--reason", "the gate was stuck") == 0
    assert "release 2" in capsys.readouterr().out
    after = state_of(world)
    assert after.bad == ()
    assert after.told[-1].what == "again"
    assert "the gate was stuck" in after.told[-1].why
    agent = world.boot()
    final = world.poll(agent)
    assert final.active is not None
    assert final.active.release.number == 2


def test_a_running_agent_is_asked_to_try_again(world: World) -> None:
    assert edge(world, "revert", MODEL, "--reason", "the gate stays shut") == 0
    with agent_that_runs(world):
        assert edge(world, "again", MODEL, "--reason", "the gate was stuck") == 0
    assert state_of(world).bad == ()


@pytest.mark.parametrize("command", ["revert", "again"])
@pytest.mark.parametrize("reason", ["", "x" * 401])
def test_a_reason_is_a_reason(world: World, capsys: pytest.CaptureFixture[str], command: str, reason: str) -> None:
    bad = Bad(number=2, bundle="0" * 64, phase=Phase.PROVE, why="x", at=NOW)
    agent = world.boot()
    agent._write(agent.state.model_copy(update={"bad": (bad,), "started": False}))
    assert edge(world, command, MODEL, "--reason", reason) == 2
    assert f"--reason has {len(reason)} characters" in capsys.readouterr().err


def test_a_probation_is_as_long_as_the_agent_has_it() -> None:
    same = ("seconds", "sample", "longest", "every")
    assert [getattr(Probation(), name) for name in same] == [getattr(RULES, name) for name in same]


def test_a_release_on_probation_is_said_to_be_and_who_watches_it(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.told.release(3, made(tmp_path / "three", 3), floor=1)
    world.told.point(3)
    agent = world.boot()
    agent.ask()
    agent.run()
    agent.close()
    assert edge(world, "status") == 0
    said = capsys.readouterr().out
    assert "0 of 1,800 s, 0 of 200 requests; `slipway-edge run` or `slipway-edge serve` watches it" in said
    assert edge(world, "status", "--json") == 0
    told = json.loads(capsys.readouterr().out)["device"]["models"][MODEL]["probation"]
    assert (told["seconds"], told["seconds_least"], told["requests_least"]) == (0, 1800, 200)


def test_all_commands_tell_the_same_time(world: World) -> None:
    state, enrolment = state_of(world), Home(world.folder).enrolment()
    assert state.seen is not None
    late = enrolment.model_copy(update={"enrolled_at": state.seen.good_until + timedelta(days=1)})
    behind = state.seen.signed_at - timedelta(days=900)
    for device, stale in ((enrolment, False), (late, True)):
        told = model_json(state, device, behind)
        assert told["stale"] is stale
        membership = Membership(device, None, behind, None, {MODEL: state})
        assert membership.as_json()["models"][MODEL] == told
        assert membership.time == max(device.enrolled_at, state.seen.signed_at)


OPTIONS = ("--class", "edge-cpu", "--model", MODEL)


def test_who_cannot_reach_the_channel_is_told_how_to_enrol_without_it(
    tmp_path: Path, root: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "root.json"
    file.write_bytes(root)
    enrol = ("enrol", "--channel", str(tmp_path / "none"), *OPTIONS, "--home", str(tmp_path / "device"))
    for how in (("--root", str(file)), ("--root-sha256", sha256(root))):
        assert main([*enrol, *how]) == 1
        assert "--offline --root FILE" in capsys.readouterr().err
        assert not (tmp_path / "device").exists()
    assert main([*enrol, "--root", str(file), "--offline"]) == 0
    assert "Next: `slipway-edge install PATH`" in capsys.readouterr().out
