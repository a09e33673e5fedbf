"""Whatever is killed, no process of a stack is left, and nobody else's is touched."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from slipway.pipelines.local import layer, processes, standing
from slipway.pipelines.local.keeping import Phase
from slipway.platform.settings.files import stack_file
from tiny_stack import LIVE, Tiny, TinyStack, wait

DETACHES = f"""
if not os.fork():
    os.setsid()
    if not os.fork():
        note("daemon %d" % os.getpid())
        live()
    os._exit(0)
{LIVE}
"""
"""A component that leaves a daemon in a session of its own, as a submitted job is."""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[TinyStack]:
    made = TinyStack(tmp_path / "project", [Tiny(name="server", does=DETACHES), Tiny(name="page", after=["server"])])
    yield made
    made.down()
    assert not made.living


def daemon(stack: TinyStack) -> int:
    def lines() -> list[str]:
        return [line for line in stack.events if line.startswith("server daemon")]

    wait(lambda: bool(lines()), "the daemon lives")
    return int(lines()[-1].split()[-1])


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and processes.lives(psutil.Process(pid))


def test_killing_the_supervisor_leaves_nothing(stack: TinyStack) -> None:
    stack.up()
    layer.write(stack.place, [], {"log_level": "info"})
    left = daemon(stack)
    os.kill(stack.standing.supervisor, signal.SIGKILL)
    wait(lambda: not standing.runs(stack.place), "the guardian has ended all of it")
    assert not stack.living
    assert not lives(left)
    assert not stack_file(stack.root).exists()
    assert "the supervisor ended with 137" in stack.log


def test_a_stop_leaves_no_daemon_that_a_component_made(stack: TinyStack) -> None:
    stack.up()
    left = daemon(stack)
    stack.down()
    assert not lives(left)
    assert stack.events[-1] == "server ends"  # the daemon's: it was asked


def test_a_daemon_outlives_the_component_that_made_it(stack: TinyStack) -> None:
    stack.up()
    left = daemon(stack)
    os.kill(stack.one("server").pid, signal.SIGKILL)
    wait(stack.is_("server", Phase.HEALTHY, restarts=1), "the server is healthy again")
    assert lives(left)


def test_killing_the_guardian_stops_the_stack(stack: TinyStack) -> None:
    stack.up()
    os.kill(stack.guardian, signal.SIGKILL)
    wait(lambda: not standing.runs(stack.place), "the supervisor has stopped")
    assert "Whoever held this stack is gone" in stack.log
    assert not stack.down()


@pytest.mark.parametrize("command", ["up", "down"])
def test_what_is_left_when_both_are_killed_is_ended_by_the_next_command(stack: TinyStack, command: str) -> None:
    stack.up()
    left = daemon(stack)
    os.kill(stack.guardian, signal.SIGSTOP)  # it must not see the supervisor's end
    supervisor, guardian = stack.standing.supervisor, stack.guardian
    os.kill(supervisor, signal.SIGKILL)
    os.kill(guardian, signal.SIGKILL)
    wait(lambda: not standing.runs(stack.place), "both are gone")
    assert stack.living
    stack.up() if command == "up" else stack.down()
    assert not lives(left)
    assert any("that an earlier stack left behind" in line for line in stack.told)


def test_a_stack_that_is_not_detached_ends_with_whoever_started_it(stack: TinyStack) -> None:
    started = stack.up(detached=False)
    assert started.hold is not None
    os.close(started.hold)
    wait(lambda: not standing.runs(stack.place), "it has stopped")
    assert not stack.living
    assert stack.events.count("page ends") == 1


def test_pressing_ctrl_c_again_kills_what_does_not_end(stack: TinyStack) -> None:
    deaf = f"signal.signal(15, signal.SIG_IGN); {LIVE}"
    stack.components = [Tiny(name="deaf", does=deaf, stop_seconds=3600)]
    presses = f"""
import sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from tiny_stack import TinyStack
from slipway.pipelines.local.stopping import stop_by_hand
place = TinyStack(Path({str(stack.root)!r}), []).place
stop_by_hand(place, lambda line: print(line, flush=True))
"""
    stack.up()
    with subprocess.Popen([sys.executable, "-c", presses], stdout=subprocess.PIPE, text=True) as person:
        wait(stack.is_("deaf", Phase.STOPPING), "it is asked")
        person.send_signal(signal.SIGINT)
        told = person.communicate(timeout=60)[0]
    assert "Ending it at once." in told
    assert person.returncode == 0


def test_a_supervisor_that_hangs_is_ended_by_force(stack: TinyStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.pipelines.local.stopping.ASKED_SECONDS", 0.2)
    os.kill(stack.up().standing.supervisor, signal.SIGSTOP)
    stack.down()
    assert "It takes too long: ending it by force." in stack.told


def test_others_and_the_stack_of_another_project_are_left_alone(stack: TinyStack, tmp_path: Path) -> None:
    other = TinyStack(tmp_path / "project-2", [Tiny(name="server")])
    stack.up()
    other.up()
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        stack.down()
        assert stranger.poll() is None
        stranger.communicate()
    assert other.standing.healthy
    assert len(other.living) == 3
    other.down()


def test_two_that_start_it_at_once_have_one_stack(tmp_path: Path) -> None:
    stack = TinyStack(tmp_path / "project", [Tiny(name="server", does=f"time.sleep(0.3)\n{LIVE}")])
    stack.place.make()
    starts = f"""
import sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from tiny_stack import Tiny, TinyStack
stack = TinyStack(Path({str(stack.root)!r}), [Tiny(name="server", does="time.sleep(0.3)\\n" + {LIVE!r})])
started = stack.up()
print(started.mine, started.standing.supervisor, stack.prepared)
"""
    both = [
        subprocess.Popen([sys.executable, "-c", starts], stdout=subprocess.PIPE, text=True, start_new_session=True)
        for _ in range(2)
    ]
    try:
        told = [one.communicate(timeout=60)[0].split() for one in both]
        assert sorted(words[0] for words in told) == ["False", "True"]
        assert told[0][1] == told[1][1]
        assert sorted(words[2] for words in told) == ["0", "1"]
        assert stack.events == ["server starts"]
    finally:
        stack.down()
    assert not stack.living


def test_ending_processes_kills_those_that_do_not_listen() -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-S", "-c", deaf], stdout=subprocess.PIPE) as one:
        assert one.stdout is not None
        one.stdout.readline()
        begin = time.monotonic()
        assert processes.end([psutil.Process(one.pid)], 0.1) == 1
        assert time.monotonic() - begin >= 0.1
        assert one.wait() == -signal.SIGKILL
