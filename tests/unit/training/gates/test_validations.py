"""What validation says of a snapshot: suite by suite, the newest word counts, and none is counted twice."""

from pathlib import Path

import pytest

from slipway.platform.data.validation.records import PREFIX
from slipway.platform.data.validation.verdict import Finding, Severity, Verdict
from slipway.platform.models.finder import model_named
from slipway.platform.store.directory import DirectoryStore
from slipway.training.gates.validations import said_of, suites_of

SNAPSHOT = "c" * 64


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path)


def judge(store: DirectoryStore, day: int, *, warned: tuple[str, ...] = (), blocked: str = "", suites: str) -> None:
    """A stored verdict by some suites, of which some warn and one blocks."""
    found = tuple(
        Finding(
            suite=one, expectation="it holds", table="index", checked=1, failed=0, observed="", expected="",
            severity=Severity.BLOCKING if one == blocked else Severity.WARNING, ok=one not in {*warned, blocked},
            sentence=f"{one} says no.",
        )
        for one in suites.split()
    )  # fmt: skip
    verdict = Verdict(
        snapshot=SNAPSHOT, suites="s", previous=None, code="c", judged_at=f"2026-01-0{day}T00:00:00Z", findings=found
    )
    store.put(f"{PREFIX}{day}.json", verdict.model_dump_json().encode())


def test_a_suite_that_several_verdicts_have_counts_once(store: DirectoryStore) -> None:
    judge(store, 1, suites="snapshot bays", warned=("snapshot",))
    judge(store, 2, suites="snapshot vehicles", warned=("snapshot",))
    said = said_of(store, SNAPSHOT)
    assert (said.passed, said.warnings, said.suites) == (True, 1, frozenset({"snapshot", "bays", "vehicles"}))
    assert said.evidence.keys() == {f"{PREFIX}1.json", f"{PREFIX}2.json"}


@pytest.mark.parametrize(("days", "passed"), [((1, 2), True), ((2, 1), False)])
def test_the_newest_word_of_a_suite_counts(store: DirectoryStore, days: tuple[int, int], passed: bool) -> None:
    judge(store, days[0], suites="snapshot", blocked="snapshot")
    judge(store, days[1], suites="snapshot bays")
    said = said_of(store, SNAPSHOT)
    assert (said.passed, said.failures) == (passed, () if passed else ("snapshot says no.",))


def test_a_verdict_by_suites_of_another_model_leaves_the_own_one_open(store: DirectoryStore) -> None:
    judge(store, 1, suites="snapshot bay_occupancy")
    asked = {one.name for one in suites_of(model_named("vehicle-reid"))}
    assert asked - said_of(store, SNAPSHOT).suites == {"vehicle_reid"}
    assert not said_of(store, "d" * 64).found
