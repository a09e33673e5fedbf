"""The decision log on a device: found by the id, bounded, and whole but for what a power cut tore."""

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from slipway.serving.edge.decisions import make_id
from slipway.serving.edge.streams.log import FILES, DecisionLog
from slipway.serving.errors import WrongUse

BUNDLE = "0a722281" * 8


def name(number: int) -> str:
    return make_id("gate", BUNDLE, datetime(2026, 11, 29, tzinfo=UTC) + timedelta(seconds=number), "000000")


def event(number: int) -> str:
    return json.dumps({"event": "boxes", "decision": name(number), "frame": number}, separators=(",", ":"))


def filled(folder: Path, numbers: range, **parts: Any) -> DecisionLog:
    log = DecisionLog(folder, **parts)
    for number in numbers:
        log.add(event(number))
    return log


def frames(log: DecisionLog) -> list[int]:
    return [one["frame"] for one in log.events()]


def test_a_decision_is_found_by_its_id_also_while_more_are_written(tmp_path: Path) -> None:
    log = filled(tmp_path / "log", range(20))
    found = log.find(name(7))
    assert found == {"event": "boxes", "decision": name(7), "frame": 7}
    assert log.find(name(99)) is None
    with pytest.raises(WrongUse, match="is no decision id"):
        log.find("7")


def test_the_decision_on_one_box_is_found_with_its_picture(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "log")
    log.add(f'{{"decision":"{name(1)}","boxes":[{{"embedding":{{"decision":"{name(2)}"}}}}]}}')
    assert log.find(name(2)) == log.find(name(1))


def test_it_keeps_below_its_bound_and_loses_the_oldest(tmp_path: Path) -> None:
    most = 40_000
    log = filled(tmp_path / "log", range(2000), most_bytes=most)
    sizes = [path.stat().st_size for path in (tmp_path / "log").iterdir()]
    assert most * (1 - 2 / FILES) < sum(sizes) <= most
    kept = frames(log)
    assert kept == list(range(kept[0], 2000))
    assert kept[0] > 1000


def test_a_power_cut_at_any_byte_of_the_last_line_loses_that_line_alone(tmp_path: Path) -> None:
    filled(tmp_path / "log", range(3)).close()
    path = next((tmp_path / "log").iterdir())
    whole = path.read_bytes()
    begin = whole[:-1].rindex(b"\n") + 1
    for length in range(begin, len(whole)):
        path.write_bytes(whole[:length])
        again = DecisionLog(tmp_path / "log")
        again.add(event(3))
        complete = length == len(whole) - 1
        assert frames(again) == ([0, 1, 2, 3] if complete else [0, 1, 3])
        again.close()
        newest = max((tmp_path / "log").iterdir())
        assert newest != path
        newest.unlink()


def test_damage_anywhere_loses_the_lines_it_is_in(tmp_path: Path) -> None:
    filled(tmp_path / "log", range(4)).close()
    path = next((tmp_path / "log").iterdir())
    whole = path.read_bytes()
    for place in range(0, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1 :])
        left = frames(DecisionLog(tmp_path / "log"))
        line = whole[:place].count(b"\n")
        assert set(range(4)) - set(left) <= {line, line + 1}
        assert len(left) >= 2


def test_a_full_disk_is_counted_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = filled(tmp_path / "log", range(2))
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 50:
            return write(descriptor, data[:11])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    log.add(event(2))
    log.add(event(3))
    assert log.lost == 2
    monkeypatch.undo()
    log.add(event(4))
    assert frames(log) == [0, 1, 4]


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    filled(tmp_path / "log", range(1)).close()
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "log").iterdir()} == {0o600}
