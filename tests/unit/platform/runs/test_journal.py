"""The journal: whole lines, also where the disk is full in the middle of one."""

import resource
from pathlib import Path

import pytest

from slipway.platform.runs.journal import Journal, events


def test_a_torn_last_line_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).metrics(1, {"loss": 0.5})
    with path.open("ab") as file:
        file.write(b'{"kind":"metrics","st')
    assert [event["step"] for event, _ in events(path)] == [1]


def test_reading_goes_on_behind_the_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.metrics(1, {"loss": 0.5})
    [(_, offset)] = events(path)
    journal.metrics(2, {"loss": 0.25})
    assert [event["values"] for event, _ in events(path, offset)] == [{"loss": 0.25}]


def test_an_event_for_which_there_is_no_room_leaves_no_part_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.metrics(1, {"loss": 0.5})
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, most))
    try:
        with pytest.raises(OSError, match="No space left"):
            journal.metrics(2, {"loss": 0.25})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    journal.metrics(3, {"loss": 0.125})
    assert [event["step"] for event, _ in events(path)] == [1, 3]
