"""What a stack keeps: ports, passwords, its log, its standing, and who may read them."""

import os
import socket
import stat
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.pipelines.local import credentials, standing
from slipway.pipelines.local.keeping import Phase
from slipway.pipelines.local.log import StackLog, tail
from slipway.pipelines.local.place import Place
from slipway.pipelines.local.ports import Ports
from slipway.pipelines.local.standing import ComponentStanding, Lock, Standing


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(
        tmp_path, {"HOME": "/home/ada", "PATH": "/bin", "SLIPWAY_LOG_LEVEL": "info", "SLIPWAY_CONTEXT": "prod"}
    )
    found.make()
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_usual_port_that_is_taken_is_left_to_whoever_has_it(place: Place) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        usual = somebody.getsockname()[1]
        found = Ports(place.folder / "ports.json").take("server", usual)
        assert found != usual
    assert Ports(place.folder / "ports.json").take("server", usual) == found  # the same again, though the usual is free


def test_one_that_listens_at_all_addresses_has_the_port_too(place: Place) -> None:
    with socket.socket() as somebody:
        somebody.bind(("0.0.0.0", 0))  # noqa: S104 - what others do
        somebody.listen()
        usual = somebody.getsockname()[1]
        assert Ports(place.folder / "ports.json").take("server", usual) != usual


def test_another_stack_does_not_take_a_port_before_its_server_has_it(tmp_path: Path) -> None:
    usual = free_port()
    mine, others = Ports(tmp_path / "mine.json"), Ports(tmp_path / "others.json")
    with mine.holding():
        assert mine.take("server", usual) == usual
        assert others.take("server", usual) != usual
    assert Ports(tmp_path / "third.json").take("server", usual) == usual


def test_two_components_never_have_the_same_port(place: Place) -> None:
    usual, ports = free_port(), Ports(place.folder / "ports.json")
    assert ports.take("server", usual) == ports.take("server", usual) == usual
    assert ports.take("other", usual) != usual


def test_a_stack_whose_supervisor_is_gone_is_never_healthy_whatever_it_wrote(place: Place) -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    for named, since in ((gone.pid, time.time()), (os.getpid(), 1.0)):  # the second one has another's id
        stack(Phase.HEALTHY, supervisor=named, since=since).write(place)
        found = standing.read(place)
        assert found is not None
        assert (found.word, found.healthy) == ("stopping", False)


@pytest.mark.parametrize("damaged", ["", "[1]", '{"server": "many"}'])
def test_a_damaged_memory_of_ports_is_none(place: Place, damaged: str) -> None:
    (place.folder / "ports.json").write_text(damaged)
    usual = free_port()
    assert Ports(place.folder / "ports.json").take("server", usual) == usual


def test_passwords_are_made_once_and_told_once(place: Place) -> None:
    first, made = credentials.kept(place, ["ada"])
    assert made == first.airflow_users
    again, more = credentials.kept(place, ["ada", "ben"])
    assert set(more) == {"ben"}
    assert again.airflow_users["ada"] == first.airflow_users["ada"]
    assert again.airflow_secret == first.airflow_secret != again.airflow_token_secret
    assert credentials.kept(place, ["ada"])[1] == {}


def test_state_is_for_its_owner_alone(place: Place) -> None:
    credentials.kept(place, ["ada"])
    Ports(place.folder / "ports.json").take("server", free_port())
    StackLog(place.log).close()
    assert mode(place.folder) == 0o700
    assert {mode(path) for path in place.folder.iterdir()} == {0o600}


def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    place = Place(tmp_path, {})
    place.folder.mkdir(parents=True)
    place.folder.chmod(0o755)
    place.make()
    assert mode(place.folder) == 0o700


def test_components_see_settings_and_the_stack_and_no_other_context(place: Place) -> None:
    seen = place.environ(MORE="yes")
    assert seen["SLIPWAY_CONTEXT"] == "local"
    assert seen["SLIPWAY_STACK"] == str(place.folder)
    assert (seen["SLIPWAY_LOG_LEVEL"], seen["HOME"], seen["MORE"]) == ("info", "/home/ada", "yes")
    assert "AWS_SECRET_ACCESS_KEY" not in Place(place.root, {"AWS_SECRET_ACCESS_KEY": "x"}).environ()


def test_components_find_the_models_that_commands_find_on_the_path_of_python(place: Place) -> None:
    assert Place(place.root, {"PYTHONPATH": "/mine"}).environ()["PYTHONPATH"] == "/mine"


def test_the_log_turns_before_it_grows_beyond_its_bounds(tmp_path: Path) -> None:
    log = StackLog(tmp_path / "stack.log", most=200, clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    for number in range(40):
        log.write("server", [f"line {number}"])
    log.close()
    files = sorted(tmp_path.glob("stack.log*"))
    assert [path.name for path in files] == ["stack.log", "stack.log.1", "stack.log.2"]
    assert max(path.stat().st_size for path in files) <= 200
    assert files[0].read_text().endswith("server           | line 39\n")


def test_last_lines_are_those_of_one_component(tmp_path: Path) -> None:
    log = StackLog(tmp_path / "stack.log")
    for number in range(30):
        log.write("server", [f"line {number}"])
        log.write("other", ["nothing"])
    log.write("server", ["x" * 10_000])
    log.close()
    assert log.last("server") == tuple(tail(tmp_path / "stack.log", "server"))
    assert log.last("server")[:2] == ("line 16", "line 17")
    assert len(log.last("server")[-1]) == 4000
    assert tail(tmp_path / "none.log", "server") == []


def stack(*phases: Phase, **more: Any) -> Standing:
    components = tuple(ComponentStanding(name=f"c{n}", group="tiny", phase=phase) for n, phase in enumerate(phases))
    given = {"supervisor": os.getpid(), "since": time.time(), **more}
    return Standing(by="ada", detached=True, components=components, **given)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (stack(), "starting"),
        (stack(Phase.HEALTHY, Phase.STARTING), "starting"),
        (stack(Phase.HEALTHY, Phase.DONE), "healthy"),
        (stack(Phase.HEALTHY, Phase.PAUSING), "unwell"),
        (stack(Phase.HEALTHY, Phase.GIVEN_UP), "unwell"),
        (stack(Phase.HEALTHY, stopping=True), "stopping"),
        (stack(Phase.STOPPED, stopping=True, ended=True), "stopped"),
        (stack(Phase.STOPPED, ended=True, error="it does not start"), "failed"),
    ],
)
def test_a_stack_is_told_in_a_word(found: Standing, word: str, place: Place) -> None:
    assert found.word == word
    found.write(place)
    assert standing.read(place) == found


@pytest.mark.parametrize("damaged", ["", "{}", "[]", '{"components": [{"name": "x"}]}'])
def test_a_damaged_standing_is_none(place: Place, damaged: str) -> None:
    (place.folder / "stack.json").write_text(damaged)
    assert standing.read(place) is None


def test_the_lock_is_one_persons_until_it_is_given_up(place: Place) -> None:
    seen = [standing.runs(place)]
    lock = Lock.take(place)
    assert lock is not None
    seen.append(standing.runs(place))
    assert Lock.take(place) is None
    lock.close()
    assert [*seen, standing.runs(place)] == [False, True, False]
