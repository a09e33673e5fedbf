"""The journal of one model: whatever becomes of the last line, and of others."""

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agent_world.cutting import Cut, CuttingDisk, Moment, PowerCut, Unsynced
from agent_world.world import World
from slipway.serving.edge.agent.disk import RealDisk
from slipway.serving.edge.agent.journal import Journal, _checked, encoded, read
from slipway.serving.edge.agent.state import Phase, State

NAME = "models/small-bays/journal"
AT = datetime(2026, 3, 1, tzinfo=UTC)


def state(number: int) -> State:
    return State(model="small-bays", sequence=number).tell(AT, "seen", f"Sequence {number}.")


def lines(count: int) -> list[bytes]:
    return [encoded(number, state(number)) for number in range(1, count + 1)]


def written(folder: Path, count: int) -> Path:
    journal = Journal(RealDisk(folder), NAME)
    journal.read()
    for number in range(1, count + 1):
        journal.write(state(number))
    return folder / NAME


def test_the_last_state_that_was_written_is_read_again(tmp_path: Path) -> None:
    written(tmp_path, 3)
    found = Journal(RealDisk(tmp_path), NAME).read()
    assert found.newest is not None
    assert (found.newest.state, found.newest.number, found.damages) == (state(3), 3, ())


def test_a_device_without_a_journal_has_no_state_and_nothing_is_damaged(tmp_path: Path) -> None:
    found = Journal(RealDisk(tmp_path), NAME).read()
    assert (found.newest, found.damages) == (None, ())


def test_an_append_that_is_cut_at_any_byte_leaves_the_state_before_or_after(world: World) -> None:
    """Of the lines of a whole way to a settled release, some with the one before them."""
    world.live(world.boot())
    all_lines = (world.folder / NAME).read_bytes().splitlines(keepends=True)
    assert len(all_lines) > 7
    for before, line in list(pairwise(all_lines))[::4]:
        first, second = (read(one, NAME).newest for one in (before, before + line))
        assert first != second
        for count in range(len(line) + 1):
            found = read(before + line[:count], NAME)
            assert found.damages == ()
            assert found.newest == (second if count == len(line) else first)


@pytest.mark.parametrize("unsynced", [Unsynced.KEPT, Unsynced.DATA_LOST])
def test_an_append_that_the_power_cuts_on_the_disk_at_any_byte_leaves_one_of_the_two_states(
    tmp_path: Path, unsynced: Unsynced
) -> None:
    """Also where the size lasts and the bytes do not; and the next line is written all the same."""
    (tmp_path / "device").mkdir()
    path = written(tmp_path / "device", 1)
    before, size = path.read_bytes(), len(lines(2)[1])
    for count in range(size + 1):
        path.write_bytes(before)
        disk = CuttingDisk(tmp_path / "device", Cut(0, count, unsynced))
        journal = Journal(disk, NAME)
        journal.read()
        with pytest.raises(PowerCut):
            journal.write(state(2))
        assert disk.moments == [Moment("write", NAME, size)]
        again = Journal(RealDisk(tmp_path / "device"), NAME)
        found = again.read()
        assert found.newest is not None
        assert found.newest.state == state(2 if (count, unsynced) == (size, Unsynced.KEPT) else 1)
        assert found.damages == ()
        again.write(state(3))
        found = Journal(RealDisk(tmp_path / "device"), NAME).read()
        assert found.newest is not None
        assert (found.newest.state, found.damages) == (state(3), ())


def test_the_line_after_a_torn_one_stands_in_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    whole = path.read_bytes()
    for torn in (b"{", whole[: len(whole) // 3], b"\x00" * 50, b"half a line\n"):
        path.write_bytes(whole + torn)
        journal = Journal(RealDisk(tmp_path), NAME)
        assert journal.read().damages == ()
        journal.write(state(3))
        found = Journal(RealDisk(tmp_path), NAME).read()
        assert found.newest is not None
        assert (found.newest.state, found.damages) == (state(3), ())


@pytest.mark.parametrize("where", [0.0, 0.1, 0.5, 0.9])
def test_damage_before_the_last_line_is_told_and_the_newest_whole_line_counts(tmp_path: Path, where: float) -> None:
    path = written(tmp_path, 3)
    data = bytearray(path.read_bytes())
    second = len(lines(1)[0])
    data[second + int(where * len(lines(2)[1]))] ^= 0x04
    path.write_bytes(data)
    journal = Journal(RealDisk(tmp_path), NAME)
    found = journal.read()
    assert found.newest is not None
    assert found.newest.state == state(3)
    assert len(found.damages) == 1
    assert "line 2" in found.damages[0]
    journal.write(state(4))
    assert Journal(RealDisk(tmp_path), NAME).read().damages == ()


def test_a_line_from_before_that_is_put_at_the_end_again_does_not_count() -> None:
    first, second, third = lines(3)
    found = read(first + second + third + first, NAME)
    assert found.newest is not None
    assert found.newest.number == 3


def test_a_changed_content_with_a_changed_length_or_number_has_another_checksum() -> None:
    told = json.loads(lines(1)[0])
    for change in ({"number": 7}, {"length": told["length"] + 1}, {"state": {**told["state"], "floor": 9}}):
        line = json.dumps({**told, **change}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        assert read(line + lines(2)[1], NAME).damages == (
            f"{NAME}: line 1 has another checksum than its content; it was passed over.",
        )


def test_a_journal_that_has_grown_is_replaced_by_its_newest_line(tmp_path: Path) -> None:
    journal = Journal(RealDisk(tmp_path), NAME, largest=2000)
    journal.read()
    for number in range(1, 40):
        journal.write(state(number))
        assert (tmp_path / NAME).stat().st_size <= 2000
    found = Journal(RealDisk(tmp_path), NAME).read()
    assert found.newest is not None
    assert (found.newest.state, found.newest.number) == (state(39), 39)


def test_a_replacement_that_is_cut_anywhere_leaves_the_state_before_or_after(tmp_path: Path) -> None:
    def filled(folder: Path) -> Path:
        folder.mkdir()
        written(folder, 2)
        return folder

    def moments(disk: CuttingDisk) -> list[Moment]:
        journal = Journal(disk, NAME, largest=10)
        journal.read()
        journal.write(state(3))
        return disk.moments

    whole = moments(CuttingDisk(filled(tmp_path / "whole")))
    assert [one.call for one in whole].count("rename") == 2
    cuts = [
        Cut(number, count, unsynced)
        for number, moment in enumerate(whole)
        for count in moment.counts(every=moment.call == "write")[:: 90 if moment.call == "write" else 1]
        for unsynced in Unsynced
    ]
    for number, cut in enumerate(cuts):
        folder = filled(tmp_path / str(number))
        with pytest.raises(PowerCut):
            moments(CuttingDisk(folder, cut))
        found = Journal(RealDisk(folder), NAME).read()
        assert found.newest is not None
        assert found.newest.number in {2, 3}
        assert found.newest.state == state(found.newest.number)
        assert found.damages == ()


def test_a_journal_that_cannot_be_read_at_all_has_a_copy_and_that_is_told(tmp_path: Path) -> None:
    journal = Journal(RealDisk(tmp_path), NAME, largest=10)
    journal.read()
    journal.write(state(1))
    for number, ruin in enumerate((b"", b"\xff" * 300, b"[]\n" * 9), 1):
        (tmp_path / NAME).write_bytes(ruin)
        journal = Journal(RealDisk(tmp_path), NAME)
        found = journal.read()
        assert found.newest is not None
        assert found.newest.state == state(number)
        assert f"{NAME} holds no whole line" in found.damages[-1]
        journal.write(state(number + 1))
        again = Journal(RealDisk(tmp_path), NAME).read()
        assert again.newest is not None
        assert (again.newest.state, again.damages) == (state(number + 1), ())


def line_of(content: dict[str, Any]) -> bytes:
    """A whole line with this state in it, whoever understands that."""
    length, checksum = _checked(1, content)
    return json.dumps({"length": length, "number": 1, "sha256": checksum, "state": content}).encode() + b"\n"


def test_a_line_of_another_agent_counts_as_far_as_it_is_understood() -> None:
    content = {**state(7).model_dump(mode="json"), "unheard": 1, "usual": {"of": "another form"}}
    found = read(line_of(content), NAME)
    assert found.newest is not None
    assert (found.newest.state, found.damages) == (state(7), ())


def test_in_a_phase_of_a_later_agent_what_was_coming_is_left_and_what_is_known_stays(world: World) -> None:
    agent = world.boot()
    world.poll(agent)
    world.told.point(1, 2)
    agent.ask()
    while agent.state.coming is None:
        agent.step()
    told = agent.state.model_dump(mode="json")
    bad = {"number": 3, "bundle": "3" * 64, "phase": "musing", "why": "it mused", "at": "2026-03-01T00:00:00Z"}
    found = read(line_of({**told, "phase": "musing", "bad": [bad], "seen": {"of": "another form"}}), NAME)
    assert found.newest is not None
    later = found.newest.state
    assert (later.phase, later.coming, later.seen) == (Phase.SETTLED, None, None)
    assert (later.active, later.floor, later.sequence) == (agent.state.active, agent.state.floor, agent.state.sequence)
    assert [one.number for one in later.bad] == [3]


def test_a_line_that_says_otherwise_what_answers_is_not_believed() -> None:
    content = {**state(7).model_dump(mode="json"), "floor": "high"}
    assert "is of another agent: floor" in read(line_of(content) + b"x\n", NAME).damages[0]


def test_a_journal_that_is_none_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    path.write_bytes(b"what somebody else wrote")
    (damage,) = Journal(RealDisk(tmp_path), NAME).read().damages
    assert "what this device knew of the model is lost" in damage
