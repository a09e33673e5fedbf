"""Tables of runs and following logs: what is under way is read as it is, what has ended from few keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recorded import Recorder
from slipway.platform.errors import WrongUse
from slipway.platform.jobs.listing import Wanted, runs
from slipway.platform.jobs.logs import Piece, Watch, follow_log, read_log
from slipway.platform.jobs.logs import Wanted as WantedLog
from slipway.platform.runs import index
from slipway.platform.runs.records import Cause, State
from slipway.platform.store import Store
from slipway.platform.store.directory import DirectoryStore


class Counting(DirectoryStore):
    """Counts questions."""

    asked = 0

    def get(self, key: str) -> bytes:
        self.asked += 1
        return super().get(key)

    def list(self, prefix: str = "") -> Iterator[str]:
        self.asked += 1
        return super().list(prefix)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "store")


@pytest.fixture
def recorder(store: Store, tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder.at(store, tmp_path)
    yield made
    made.close()


def listed(recorder: Recorder, wanted: Wanted = Wanted()) -> list[tuple[str, State]]:  # noqa: B008 - frozen
    return [(row.entry.key, row.entry.state) for row in runs(recorder.store, recorder.here, wanted)]


def test_what_is_under_way_stands_first_with_how_far_it_is(recorder: Recorder) -> None:
    running = recorder.running()
    done = recorder.done()
    pending = recorder.pending()
    assert listed(recorder) == [(pending, State.PENDING), (running, State.RUNNING), (done, State.DONE)]
    assert listed(recorder, Wanted(active=True)) == [(pending, State.PENDING), (running, State.RUNNING)]
    row = runs(recorder.store, recorder.here, Wanted())[1]
    assert (row.phase, row.step, row.steps) == ("train", 3, 10)


def test_lost_work_that_is_to_be_taken_up_stands_with_what_is_under_way(recorder: Recorder) -> None:
    key, done = recorder.running(), recorder.done()
    recorder.fall_silent(key)
    (row,) = runs(recorder.store, recorder.here, Wanted(active=True))
    assert (row.entry.key, row.entry.state, row.awaiting) == (key, State.LOST, True)
    assert row.seconds == pytest.approx(86400, abs=5)  # from its beginning to its last sign of life
    assert [row.entry.key for row in runs(recorder.store, recorder.here, Wanted(limit=1))] == [key, done]
    index.close(recorder.store, key)
    recorder.store.delete(f"{index.ACTIVE}{key}.1")
    assert runs(recorder.store, recorder.here, Wanted(active=True)) == []


def test_a_stale_entry_says_nothing_about_a_run(recorder: Recorder) -> None:
    key = recorder.running()
    index.note(recorder.store, key)
    stale = recorder.store.get(next(recorder.store.list(index.RUNS)))
    recorder.end(key)
    recorder.store.put(next(recorder.store.list(index.RUNS)), stale)
    assert listed(recorder) == [(key, State.DONE)]


def test_a_run_without_an_entry_is_listed_by_its_mark(recorder: Recorder) -> None:
    key = recorder.running()
    for name in list(recorder.store.list(index.RUNS)):
        recorder.store.delete(name)
    assert listed(recorder) == [(key, State.RUNNING)]


def test_filters_and_limits_hold_for_both_kinds(recorder: Recorder) -> None:
    recorder.running(model="fish")
    recorder.done(model="fish", person="bob")
    newest = recorder.done(person="bob")
    assert len(listed(recorder, Wanted(model="fish"))) == 2
    assert len(listed(recorder, Wanted(person="bob"))) == 2
    assert listed(recorder, Wanted(person="bob", limit=1)) == [(newest, State.DONE)]
    assert listed(recorder, Wanted(team="nobody")) == []


def patient(steps: "Iterator[None]", **more: float) -> Watch:
    """A watch whose pauses let things happen; it fails when nothing is left to happen."""
    seconds = [0.0]

    def sleep(pause: float) -> None:
        seconds[0] += pause
        next(steps)

    return Watch(interval=1.0, clock=lambda: seconds[0], sleep=sleep, **more)


def text_of(pieces: list[Piece]) -> str:
    return b"".join(piece.text for piece in pieces).decode()


def test_following_a_log_costs_one_read_for_each_interval(recorder: Recorder, store: Counting) -> None:
    key = recorder.running()
    recorder.log(key, "first\n")
    costs = []

    def steps() -> Iterator[None]:
        for number in range(4):
            recorder.log(key, f"{number}\n")
            store.asked = 0
            yield
            costs.append(store.asked)
        recorder.end(key)
        while True:
            yield

    pieces = list(follow_log(store, key, recorder.here, WantedLog(), patient(steps(), still=3.0)))
    assert text_of(pieces) == "first\n0\n1\n2\n3\n"
    assert costs == [2] * 4  # the piece that came, and the one that did not yet
    assert pieces[-1].remark.endswith("is done.")


def test_following_goes_on_with_the_attempt_that_takes_the_work_up(recorder: Recorder) -> None:
    key = recorder.running(seed=1)
    recorder.log(key, "one\n")

    def steps() -> Iterator[None]:
        recorder.end(key, State.RESUMABLE, Cause.EVICTED)
        yield from [None] * 5
        recorder.pending(seed=1)
        recorder.begin(key, 2)
        recorder.log(key, "two\n", 2)
        yield
        recorder.end(key)
        while True:
            yield

    pieces = list(follow_log(recorder.store, key, recorder.here, WantedLog(), patient(steps(), still=2.0)))
    assert text_of(pieces) == "one\ntwo\n"
    remarks = [piece.remark for piece in pieces if piece.remark]
    assert any("Attempt 2 of" in remark for remark in remarks)


def test_an_attempt_that_was_named_is_followed_alone(recorder: Recorder) -> None:
    key = recorder.running()
    recorder.log(key, "one\n")
    recorder.end(key)
    watch = patient(iter([None] * 3))
    assert text_of(list(follow_log(recorder.store, key, recorder.here, WantedLog(attempt=1), watch))) == "one\n"
    with pytest.raises(WrongUse, match="has no attempt 7"):
        read_log(recorder.store, key, WantedLog(attempt=7))


def test_the_last_lines_are_read_from_the_end(recorder: Recorder, store: Counting) -> None:
    key = recorder.running()
    for number in range(50):
        recorder.log(key, f"{number}\n")
    store.asked = 0
    assert read_log(store, key, WantedLog(tail=2)) == b"48\n49\n"
    assert store.asked < 10


def test_a_launcher_is_asked_where_the_store_has_nothing(recorder: Recorder) -> None:
    key = recorder.pending()
    found = read_log(recorder.store, key, WantedLog(), lambda number, node: f"{number}/{node}: no image\n".encode())
    assert found == b"1/0: no image\n"
