"""Whatever is done to a ledger, its verification names the entries, in the store and in an export."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decided import BEGIN, World, chain, comment, known
from slipway.platform.errors import WrongUse
from slipway.platform.identity import People, Revocation, sign
from slipway.platform.ledger.checking import Kind
from slipway.platform.ledger.entry import PAYLOAD, Entry, digest_of, entry_key
from slipway.platform.ledger.exporting import Heading, noted_in, people_in, read_export, write_export
from slipway.platform.ledger.heads import Head
from slipway.platform.ledger.verifying import Report, verify_lines

LENGTH = 6
ADA = known("ada")
PEOPLE = People((ADA.person,), "people.toml")
LINES = list(chain(ADA, LENGTH))
HEAD = (Head(number=LENGTH, digest=digest_of(LINES[-1])), "you")

indexes = st.integers(0, LENGTH - 1)


def named(report: Report) -> set[int]:
    return {one.number for one in report.problems}


def test_a_ledger_as_it_was_written_has_nothing_wrong() -> None:
    report = verify_lines(LINES, PEOPLE, [HEAD])
    assert (report.count, report.head, report.problems) == (LENGTH, HEAD[0], ())


@given(indexes, st.data())
def test_any_flipped_bit_is_named(index: int, data: st.DataObject) -> None:
    changed = bytearray(LINES[index])
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    report = verify_lines([*LINES[:index], bytes(changed), *LINES[index + 1 :]], PEOPLE)
    assert named(report) == {index + 1}


@given(indexes)
def test_a_removed_entry_is_named(index: int) -> None:
    report = verify_lines(LINES[:index] + LINES[index + 1 :], PEOPLE, [HEAD])
    assert {(one.number, one.kind) for one in report.problems} == {(index + 1, Kind.MISSING)}


@given(indexes, indexes)
def test_swapped_entries_are_named(one: int, other: int) -> None:
    low, high = sorted((one, other))
    lines = list(LINES)
    lines[low], lines[high] = lines[high], lines[low]
    report = verify_lines(lines, PEOPLE)
    assert (low + 1 in named(report)) == (low != high)
    assert named(report) <= set(range(low + 1, high + 1))


@given(indexes, st.integers(0, LENGTH))
def test_an_entry_that_stands_twice_is_named(index: int, place: int) -> None:
    assert index + 1 in named(verify_lines([*LINES[:place], LINES[index], *LINES[place:]], PEOPLE))


@given(indexes)
def test_an_entry_of_another_ledger_is_named(index: int) -> None:
    other = list(chain(ADA, LENGTH, lambda number: comment(f"other {number}")))
    report = verify_lines([*LINES[:index], other[index], *LINES[index + 1 :]], PEOPLE, [HEAD])
    assert {index + 1, index + 2} & named(report)


@given(indexes, indexes, st.data())
def test_every_change_is_named_not_only_the_first(one: int, other: int, data: st.DataObject) -> None:
    lines = list(LINES)
    for index in {one, other}:
        place = data.draw(st.integers(0, len(lines[index]) - 1))
        lines[index] = lines[index][:place] + b"?" + lines[index][place + 1 :]
    assert named(verify_lines(lines, PEOPLE)) == {one + 1, other + 1}


@given(indexes)
def test_a_tail_that_was_cut_off_is_named_where_a_head_is_known(length: int) -> None:
    assert verify_lines(LINES[:length], PEOPLE).problems == ()
    report = verify_lines(LINES[:length], PEOPLE, [HEAD])
    assert {(one.number, one.kind) for one in report.problems} == {(length + 1, Kind.MISSING)}


def test_a_ledger_written_anew_is_named_by_the_head_that_was_noted() -> None:
    other = list(chain(ADA, LENGTH + 2, lambda number: comment(f"other {number}")))
    assert verify_lines(other, PEOPLE).problems == ()
    (problem,) = verify_lines(other, PEOPLE, [HEAD]).problems
    assert (problem.number, problem.kind) == (LENGTH, Kind.HEAD)
    assert "not the one that you noted" in problem.text


def test_a_gap_of_any_width_is_one_line() -> None:
    entry = Entry(number=10**11, previous="", at=BEGIN + timedelta(days=1), decision=comment("far"))
    report = verify_lines([*LINES, sign(ADA, entry.to_bytes(), PAYLOAD)], PEOPLE)
    assert [(one.number, one.text) for one in report.problems] == [
        (LENGTH + 1, f"it is missing, and so are all up to {10**11 - 1}")
    ]


def test_an_entry_that_goes_back_in_time_or_repeats_a_decision_is_named() -> None:
    early = Entry(number=LENGTH + 1, previous=HEAD[0].digest, at=BEGIN, decision=comment(1))
    report = verify_lines([*LINES, sign(ADA, early.to_bytes(), PAYLOAD)], PEOPLE)
    assert {(one.number, one.kind) for one in report.problems} == {(7, Kind.TIME), (7, Kind.REPEATED)}


def test_an_envelope_that_is_written_otherwise_is_named() -> None:
    spaced = LINES[2].replace(b'","', b'", "', 1)
    (problem,) = verify_lines([*LINES[:2], spaced, *LINES[3:]], PEOPLE).problems
    assert (problem.number, problem.kind) == (3, Kind.ENVELOPE)
    assert "canonical" in problem.text
    payload = Entry(number=1, previous="", at=BEGIN, decision=comment(1)).model_dump_json(indent=1).encode()
    (problem,) = verify_lines([sign(ADA, payload, PAYLOAD)], PEOPLE).problems
    assert (problem.number, problem.kind) == (1, Kind.ENVELOPE)


def test_a_key_that_nobody_knows_and_one_that_was_revoked_are_named() -> None:
    eve = known("eve")
    other = People((eve.person,), "their people file")
    assert {one.kind for one in verify_lines(LINES, other).problems} == {Kind.UNKNOWN}
    assert named(verify_lines(LINES, other)) == set(range(1, LENGTH + 1))
    revoked = Revocation(at=BEGIN + timedelta(seconds=4), reason="laptop stolen")
    key = ADA.key.model_copy(update={"revoked": revoked})
    people = People((ADA.person.model_copy(update={"keys": (key,)}),), "people.toml")
    report = verify_lines(LINES, people)
    assert [(one.number, one.kind) for one in report.problems] == [(4, Kind.VOID), (5, Kind.VOID), (6, Kind.VOID)]
    assert "was revoked from 2026-03-02 09:00:04+00:00 on: laptop stolen" in report.problems[0].text


Mischief = Callable[[Path], object]


def swap(root: Path) -> None:
    one, other = root / entry_key(2), root / entry_key(4)
    held = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(held)


def insert(root: Path) -> None:
    for number in range(LENGTH, 2, -1):
        (root / entry_key(number)).rename(root / entry_key(number + 1))
    (root / entry_key(3)).write_bytes((root / entry_key(2)).read_bytes())


@pytest.mark.parametrize(
    ("mischief", "numbers"),
    [
        (lambda root: (root / entry_key(3)).unlink(), {3}),
        (lambda root: (root / entry_key(LENGTH)).unlink(), {LENGTH}),
        (lambda root: (root / entry_key(2)).write_bytes(b"{}"), {2}),
        (lambda root: (root / entry_key(LENGTH + 1)).write_bytes((root / entry_key(1)).read_bytes()), {LENGTH + 1}),
        (lambda root: (root / "ledger" / "notes.txt").write_text("mine"), {0}),
        (swap, {2, 4}),
        (insert, {3, 4, 5, 6, 7}),
    ],
)
def test_what_is_done_to_a_store_is_named(world: World, mischief: Mischief, numbers: set[int]) -> None:
    world.fill(LENGTH)
    assert world.ledger.verify().problems == ()
    mischief(Path(world.store.url))
    assert named(world.ledger.verify()) == numbers


def test_this_machine_remembers_what_it_has_read(world: World) -> None:
    world.fill(LENGTH)
    reader = world.reader(cache=True)
    assert len(list(reader.entries())) == LENGTH
    root = Path(world.store.url)
    (root / "ledger-head.json").unlink()
    (root / entry_key(LENGTH)).unlink()
    assert world.ledger.verify().problems == ()
    (problem,) = reader.verify().problems
    assert "this machine noted entry 6, and the list ends with 5" in problem.text


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.jsonl"
    heading = Heading(store="here", exported=BEGIN, count=LENGTH, head=HEAD[0], people=PEOPLE.persons)
    write_export(path, LINES, heading)
    return path


def verified(path: Path) -> set[int]:
    export = read_export(path)
    try:
        people = people_in(export, path)
    except WrongUse:
        people = PEOPLE
    report = verify_lines(export.envelopes, people, list(noted_in(export)))
    return named(report) | {one.number for one in export.problems}


def test_an_export_proves_itself(exported: Path) -> None:
    assert verified(exported) == set()
    assert len(exported.read_bytes().splitlines()) == LENGTH + 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_bit_of_an_export_is_told_and_one_in_an_entry_by_its_number(
    exported: Path, data: st.DataObject
) -> None:
    whole = exported.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    exported.write_bytes(changed)
    line = whole[:place].count(b"\n")
    found = verified(exported)
    exported.write_bytes(whole)
    assert (line if line <= LENGTH else 0) in found


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_lines_cut_off_an_export_are_missed(exported: Path, cut: int) -> None:
    lines = exported.read_bytes().splitlines(keepends=True)
    exported.write_bytes(b"".join(lines[: -1 - cut]))
    assert verified(exported) == {0, LENGTH - cut + 1}


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"[]\n[]\n", b"{}"])
def test_what_is_no_export_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(content)
    assert 0 in verified(path)
    with pytest.raises(WrongUse, match="whose keys to trust"):
        people_in(read_export(path), path)
