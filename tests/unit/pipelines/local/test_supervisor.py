"""The supervisor with tiny real processes: order, restarts, giving up, and a stop that leaves nothing."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from slipway.pipelines.local import standing
from slipway.pipelines.local.keeping import Phase
from slipway.pipelines.local.starting import NotStarted
from tiny_stack import LIVE, Tiny, TinyStack, wait

Make = Callable[..., TinyStack]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[TinyStack] = []

    def stack(*components: Tiny, **more: object) -> TinyStack:
        made.append(TinyStack(tmp_path / "project", components, **more))  # type: ignore[arg-type]
        return made[-1]

    yield stack
    for one in made:
        one.down()
        assert not one.living


def test_starts_in_order_and_stops_in_the_reverse_order(make: Make) -> None:
    stack = make(Tiny(name="page", after=["server"]), Tiny(name="server", after=["database"]), Tiny(name="database"))
    stack.up()
    assert stack.events == ["database starts", "server starts", "page starts"]
    assert stack.down()
    assert stack.events[3:] == ["page ends", "server ends", "database ends"]
    assert not stack.living


def test_what_waits_for_nobody_starts_beside_what_is_slow(make: Make) -> None:
    slow = Tiny(name="slow", does="while not os.path.exists('quick'): time.sleep(0.01)\n" + LIVE)
    stack = make(slow, Tiny(name="quick"))
    stack.up()  # in a row, slow would never be healthy
    assert stack.standing.healthy


def test_what_waits_for_one_that_is_not_part_of_the_stack_starts(make: Make) -> None:
    stack = make(Tiny(name="server", after=["somebody"]))
    assert stack.up().standing.healthy


def test_a_migration_ends_and_what_waits_for_it_starts_then(make: Make) -> None:
    stack = make(Tiny(name="server", after=["migration"]), Tiny(name="migration", once=True, does="note('is done')"))
    stack.up()
    assert stack.events == ["migration starts", "migration is done", "server starts"]
    assert stack.one("migration").phase is Phase.DONE


def test_what_is_killed_is_started_again_and_nothing_else_is(make: Make) -> None:
    stack = make(Tiny(name="server"), Tiny(name="other"))
    stack.up()
    before = {name: stack.one(name).pid for name in ("server", "other")}
    os.kill(before["server"], signal.SIGKILL)
    wait(stack.is_("server", Phase.HEALTHY, restarts=1), "the server is healthy again")
    assert stack.one("server").pid != before["server"]
    assert stack.one("other").pid == before["other"]
    assert "server: killed by SIGKILL; again in" in stack.log


def test_what_a_dead_leader_leaves_in_its_session_ends_before_it_is_started_again(make: Make) -> None:
    forks = "child = os.fork()\nif not child:\n    note('child %d' % os.getpid())\n    live()\n" + LIVE
    stack = make(Tiny(name="server", does=forks))
    stack.up()
    wait(lambda: len(stack.events) == 2, "the child lives")
    child = int(stack.events[1].split()[-1])
    os.kill(stack.one("server").pid, signal.SIGKILL)
    wait(stack.is_("server", Phase.HEALTHY, restarts=1), "the server is healthy again")
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_one_that_keeps_ending_is_given_up_and_the_start_fails_with_its_last_words(make: Make) -> None:
    stack = make(Tiny(name="server"), Tiny(name="broken", does="print('no such table: runs'); sys.exit(3)"), deaths=3)
    with pytest.raises(NotStarted) as refused:
        stack.up()
    told = str(refused.value)
    assert "broken does not run: ended with code 3, 3 times in a row" in told
    assert "| no such table: runs" in told
    assert str(stack.place.log) in told
    assert stack.events.count("broken starts") == 3
    assert "server ends" in stack.events
    assert not stack.living


def test_one_that_is_given_up_later_takes_nobody_along(make: Make) -> None:
    fickle = Tiny(name="fickle", does="if os.path.exists('bad'): sys.exit(1)\n" + LIVE)
    stack = make(Tiny(name="server"), fickle)
    stack.up()
    (stack.root / "bad").touch()
    os.kill(stack.one("fickle").pid, signal.SIGKILL)
    wait(stack.is_("fickle", Phase.GIVEN_UP), "it is given up")
    assert stack.one("server").phase is Phase.HEALTHY
    assert stack.standing.word == "unwell"
    with pytest.raises(NotStarted, match="fickle does not run"):
        stack.up()
    (stack.root / "bad").unlink()
    assert not stack.up().mine
    assert stack.standing.healthy


def test_a_program_that_is_not_there_is_told(make: Make) -> None:
    stack = make(Tiny(name="server", program="/no/such/program"), deaths=2)
    with pytest.raises(NotStarted, match="/no/such/program: No such file or directory"):
        stack.up()


def test_one_that_is_never_healthy_is_ended_and_tried_again(make: Make) -> None:
    stack = make(Tiny(name="server", does="live()", start_seconds=0.6), deaths=2)
    with pytest.raises(NotStarted, match=r"not healthy after 1 s: server is not there yet, 2 times in a row"):
        stack.up()


def test_one_that_hangs_is_started_again(make: Make) -> None:
    stack = make(Tiny(name="server", hung_seconds=0.2, stop_seconds=0.2))
    stack.up()
    (stack.root / "server").unlink()
    os.kill(stack.one("server").pid, signal.SIGSTOP)  # so it cannot end when it is asked to
    wait(stack.is_("server", Phase.HEALTHY, restarts=1), "it was killed and started again")


def test_one_that_will_not_end_is_killed(make: Make) -> None:
    stubborn = Tiny(name="stubborn", does=f"signal.signal(15, signal.SIG_IGN); {LIVE}", stop_seconds=0.2)
    stack = make(stubborn, Tiny(name="server"))
    stack.up()
    assert stack.down()
    assert stack.events[-1] == "server ends"
    assert not stack.living


def test_asked_twice_it_kills_at_once(make: Make) -> None:
    stubborn = Tiny(name="stubborn", does=f"signal.signal(15, signal.SIG_IGN); {LIVE}", stop_seconds=3600)
    stack = make(stubborn)
    supervisor = stack.up().standing.supervisor
    os.kill(supervisor, signal.SIGTERM)
    wait(stack.is_("stubborn", Phase.STOPPING), "it is being asked")
    os.kill(supervisor, signal.SIGTERM)
    wait(lambda: not standing.runs(stack.place), "all has ended")
    assert not stack.living


def test_each_line_of_the_log_says_who_speaks(make: Make) -> None:
    speaks = Tiny(
        name="server", does="print('one\\ntwo', flush=True); print('three', file=sys.stderr, flush=True); " + LIVE
    )
    stack = make(speaks)
    stack.up()
    stack.down()
    said = [line.split(" | ")[1] for line in stack.log.splitlines() if " server  " in line]
    assert said == ["one", "two", "three"]


def test_a_component_that_says_much_is_not_held_up_and_the_log_stays_bounded(make: Make) -> None:
    talks = "for number in range(200_000): print('x' * 100)\n" + LIVE
    stack = make(Tiny(name="server", does=talks))
    stack.up()
    sizes = [path.stat().st_size for path in stack.place.folder.glob("stack.log*")]
    assert len(sizes) == 3
    assert max(sizes) <= 8 * 1024 * 1024
    with suppress(FileNotFoundError):
        assert {path.stat().st_mode & 0o777 for path in stack.place.folder.glob("stack.log*")} == {0o600}
