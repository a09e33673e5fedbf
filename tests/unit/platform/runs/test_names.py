"""Names of runs, and finding a run by what a person writes."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.runs.attempts import Attempt, Claimant, claim
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.find import find, load_parts, records_of
from slipway.platform.runs.layout import NAMES, WorkKeys
from slipway.platform.runs.names import bind_name, check_name, generated
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Place
from slipway.platform.runs.standing import Here
from slipway.platform.store import Store

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def key_of(seed: int) -> str:
    return f"r1-{hashlib.sha256(bytes([seed])).hexdigest()}"


def name_of(store: Store, key: str, wanted: str | None = None, now: datetime = NOW) -> str:
    return bind_name(store, key, model="bird", now=now, wanted=wanted)


def test_the_same_work_gets_the_same_readable_name(store: Store, tmp_path: Path) -> None:
    from slipway.platform.store.directory import DirectoryStore

    first = name_of(store, key_of(1))
    assert name_of(store, key_of(1)) == first == name_of(DirectoryStore(tmp_path / "other"), key_of(1))
    assert [word.isalpha() for word in first.split("-")] == [True, True, False]
    assert list(store.list(f"{NAMES}/")) == [f"names/{first}.json"]


def test_two_pieces_of_work_never_share_a_name(store: Store) -> None:
    first, second = islice(generated(key_of(1)), 2)
    name_of(store, key_of(2), wanted=first)
    assert name_of(store, key_of(1)) == second


def test_hundreds_of_keys_give_hundreds_of_names() -> None:
    assert len({next(generated(key_of(seed))) for seed in range(256)}) > 250
    assert len(set(islice(generated(key_of(1)), 32))) == 32


def test_a_chosen_name_is_kept_and_another_works_taken_one_is_refused_with_a_free_one(store: Store) -> None:
    assert name_of(store, key_of(1), wanted="first-try") == "first-try"
    assert name_of(store, key_of(1), wanted="first-try") == "first-try"
    name_of(store, key_of(3), wanted="first-try-2")
    with pytest.raises(WrongUse, match="`first-try` belongs to other work of bird") as refused:
        name_of(store, key_of(2), wanted="first-try")
    assert "`first-try-3`" in (refused.value.mend or "")


@pytest.mark.parametrize(
    "name", ["r1-abc", "abcd", "0123456789ab", "Upper", "a", "-a-", "a b", "../x", "a_b", "x" * 61]
)
def test_a_name_that_could_be_taken_for_something_else_is_refused(name: str) -> None:
    with pytest.raises(WrongUse):
        check_name(name)


def test_work_keeps_the_name_that_it_goes_by(store: Store, make_parts: Callable[..., Parts], tmp_path: Path) -> None:
    parts = make_parts()
    name_of(store, parts.key, wanted="first-try")
    place = Place(host="here", boot="b", pid=1, workplace="w")
    claimant = Claimant(submitted_by="ada", name="first-try", place=place, created=NOW)
    attempt = claim(store, parts, claimant, Here("here", "b", tmp_path / "state"))
    assert isinstance(attempt, Attempt)
    attempt.close()
    assert name_of(store, parts.key) == "first-try"


def test_a_run_is_found_by_name_and_by_the_beginning_of_its_key(store: Store, make_parts: Callable[..., Parts]) -> None:
    parts = make_parts()
    store.put(WorkKeys(parts.key).parts, parts.to_bytes())
    name = name_of(store, parts.key)
    digits = parts.key.removeprefix("r1-")
    for run in (name, parts.key, digits, digits[:4], parts.key[:9]):
        assert find(store, run) == parts.key
    assert load_parts(store, parts.key) == parts


def test_a_beginning_of_several_keys_is_told_with_what_would_do(store: Store) -> None:
    for end in range(7):
        store.put(WorkKeys(f"r1-abcd{end}{'0' * 59}").parts, b"{}")
        store.put(WorkKeys(f"r1-abcd{end}{'0' * 59}").result, b"{}")
    with pytest.raises(WrongUse, match=r"`abcd` begins several run keys: r1-abcd0000, .* and more"):
        find(store, "abcd")
    assert find(store, "abcd3").startswith("r1-abcd3")


def test_an_unknown_run_is_told_with_the_nearest_name(store: Store) -> None:
    with pytest.raises(WrongUse, match="No run is called `quiet-heron-1`") as refused:
        find(store, "quiet-heron-1")
    assert refused.value.mend == "There are none yet."
    for seed, wanted in enumerate(("quiet-heron-12", "bold-otter-3")):
        name_of(store, key_of(seed), wanted=wanted)
    for wrong in ("quiet-heron-1", "quite-heron-12"):
        with pytest.raises(WrongUse) as refused:
            find(store, wrong)
        assert refused.value.mend == "Did you mean `quiet-heron-12`?"
    with pytest.raises(WrongUse, match="no run key begins so"):
        find(store, "0123abcd")
    for short in ("r1-abc", "abc", "r1-"):
        with pytest.raises(WrongUse) as refused:
            find(store, short)
        assert str(refused.value.mend).startswith("Write at least 4 digits of a key.")


def test_records_come_latest_first_and_of_one_model(store: Store) -> None:
    for day, seed in ((3, 1), (5, 2), (4, 3)):
        name_of(store, key_of(seed), now=NOW.replace(day=day))
    assert [record.key for record in records_of(store, "bird")] == [key_of(2), key_of(3), key_of(1)]
    assert records_of(store, "fish") == []


def test_a_damaged_name_hides_no_other(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    name_of(store, key_of(1))
    store.put("names/torn-one-1.json", b'{"name')
    assert [record.key for record in records_of(store)] == [key_of(1)]
    assert "names/torn-one-1.json" in caplog.text
    with pytest.raises(RunsError, match="should hold NameRecord"):
        find(store, "torn-one-1")


def test_a_damaged_record_of_parts_is_told(store: Store, make_parts: Callable[..., Parts]) -> None:
    parts: Any = make_parts()
    store.put(WorkKeys(key_of(1)).parts, parts.to_bytes())
    with pytest.raises(RunsError, match="is damaged"):
        load_parts(store, key_of(1))
    with pytest.raises(RunsError, match="was named and never begun"):
        load_parts(store, key_of(2))
