"""The index of runs: few reads whatever there is, true whenever a writer was killed, made anew from the records."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest

from recorded import FIRST, Recorder
from slipway.platform.runs import index
from slipway.platform.runs.entries import Entry, place_of, segment
from slipway.platform.runs.records import Cause, State
from slipway.platform.store import Store
from slipway.platform.store.directory import DirectoryStore


class Counting(DirectoryStore):
    """Counts what is read."""

    reads = 0

    def get(self, key: str) -> bytes:
        self.reads += 1
        return super().get(key)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "store")


@pytest.fixture
def recorder(store: Store, tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder.at(store, tmp_path)
    yield made
    made.close()


def test_the_latest_run_comes_first_and_each_once(store: Counting, recorder: Recorder) -> None:
    keys = [recorder.done() for _ in range(5)]
    assert [entry.key for entry in index.entries(store)] == keys[::-1]


@pytest.mark.parametrize(
    ("asked", "expected"), [({"model": "fish"}, 1), ({"team": "sea"}, 1), ({"person": "bob"}, 2), ({"target": "l4"}, 1)]
)
def test_runs_are_found_by_model_team_person_and_target(
    store: Counting, recorder: Recorder, asked: dict[str, str], expected: int
) -> None:
    recorder.done()
    recorder.done(model="fish", team="sea", person="bob", target="l4")
    recorder.done(person="bob")
    assert len(list(index.entries(store, **asked))) == expected


def test_a_page_reads_one_batch_whatever_there_is(
    store: Counting, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "TOGETHER", 3)
    for _ in range(12):
        recorder.done()
    store.reads = 0
    assert len(list(islice(index.entries(store), 3))) == 3
    assert store.reads <= 3


def test_a_run_is_marked_before_its_attempt_exists_and_until_it_has_ended(store: Counting, recorder: Recorder) -> None:
    key = recorder.pending()
    assert index.active(store) == [key]
    recorder.begin(key)
    assert index.active(store) == [key]
    recorder.end(key)
    assert index.active(store) == []


def test_work_that_was_evicted_stays_marked_until_somebody_says_that_it_is_over(
    store: Counting, recorder: Recorder
) -> None:
    key = recorder.running()
    recorder.end(key, State.RESUMABLE, Cause.EVICTED)
    assert index.active(store) == [key]
    index.close(store, key)
    assert index.active(store) == []


def test_a_late_note_of_an_attempt_that_ended_leaves_the_mark_of_the_next(store: Counting, recorder: Recorder) -> None:
    key = recorder.running(seed=1)
    recorder.end(key, State.FAILED, Cause.EXIT_CODE)
    index.mark(store, key, 2)
    index.note(store, key)
    assert index.active(store) == [key]


def test_a_mark_without_an_attempt_goes_when_it_is_closed(store: Counting) -> None:
    index.mark(store, "r1-00", 1)
    index.close(store, "r1-00")
    assert index.active(store) == []


def test_work_that_was_done_again_stands_once_at_its_last_attempts_place(store: Counting, recorder: Recorder) -> None:
    first = recorder.done(seed=1)
    recorder.done()
    recorder.pending(seed=1, person="bob")
    recorder.begin(first, 2)
    recorder.end(first)
    assert [(entry.key == first, entry.attempt) for entry in index.entries(store)] == [(True, 2), (False, 1)]
    assert len(list(store.list(index.RUNS))) == 2


def test_what_a_killed_writer_left_out_is_mended_and_all_can_be_made_anew(store: Counting, recorder: Recorder) -> None:
    keys = [recorder.done() for _ in range(3)]

    def told() -> list[Entry]:
        """Waiting is measured by a clock that goes on between two looks at it."""
        return [entry.model_copy(update={"waited": None}) for entry in index.entries(store)]

    before = told()
    store.delete(next(store.list(index.RUNS)))
    assert index.mend(store) == [keys[2]]
    assert index.mend(store) == []
    for name in list(store.list(f"{index.INDEX}/")):
        store.delete(name)
    assert index.rebuild(store) == 3
    assert told() == before


def test_an_entry_tells_what_a_table_shows(store: Counting, recorder: Recorder) -> None:
    key = recorder.running(model="fish", target="l4")
    recorder.end(key, cost="1.25")
    (entry,) = index.entries(store)
    assert (entry.model, entry.target, entry.state, str(entry.cost)) == ("fish", "l4", State.DONE, "1.25")
    assert entry.waited is not None
    assert (entry.seconds, entry.working) == (60.0, 50.0)


def test_a_damaged_entry_hides_no_other(store: Counting, recorder: Recorder) -> None:
    keys = [recorder.done() for _ in range(2)]
    store.put(next(store.list(index.RUNS)), b"{")
    assert [entry.key for entry in index.entries(store)] == keys[:1]


@pytest.mark.parametrize("text", ["ada", "ada@example.com", "a b/c", "-x", "é", ".hidden"])
def test_whoever_starts_a_run_can_be_a_part_of_a_key(store: Counting, text: str) -> None:
    key = f"index/by/person/{segment(text)}/x"
    store.put(key, b"")
    assert list(store.list("index/by/")) == [key]


def test_places_sort_the_latest_first() -> None:
    moments = [FIRST + timedelta(seconds=one) for one in (0, 0.5, 1, 59, 1000, 10**6, 10**8)]
    places = [place_of(moment, "x") for moment in moments]
    assert sorted(places) == places[::-1]
