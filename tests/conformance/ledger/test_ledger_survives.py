"""Sixteen writers at once, and a writer killed at each of its steps: no gap, no loss, no fork, nothing twice."""

from typing import Any

SHARED = "asked for by all"


def test_racing_processes_leave_no_gap_no_loss_and_no_fork(place: dict[str, Any], script: Any) -> None:
    processes, each = (16, 5) if not place["s3"] else (6, 2)
    outcome = script("racing_deciders.py", {**place, "processes": processes, "each": each})
    read = [tuple(one) for one in outcome["read"]]
    assert outcome["problems"] == []
    assert [number for _, number, _ in read] == list(range(1, processes * each + 2))
    wanted = {f"p{process} {index}" for process in range(processes) for index in range(each)} | {SHARED}
    assert sorted(nonce for nonce, *_ in read) == sorted(wanted)
    assert {tuple(one) for one in outcome["told"]} == set(read)


def test_a_decision_stands_once_whenever_its_writer_was_killed(place: dict[str, Any], script: Any) -> None:
    kills = script("killed_decider.py", place)
    assert len(kills) > 10
    assert [one["killed"] for one in kills] == [True] * (len(kills) - 1) + [False]
    stood = [one["found"] == ["0", "1", "killed"] for one in kills]
    assert stood == sorted(stood)
    assert {*stood[:-1]} == {True, False}  # killed both before the entry stood and after
    for one, stands in zip(kills, stood, strict=True):
        order = ["0", "1", "killed", "in between"] if stands else ["0", "1", "in between", "killed"]
        assert one["finally"] == order
        assert one["again"] == [order.index("killed") + 1] * 2
        assert one["problems"] == []
