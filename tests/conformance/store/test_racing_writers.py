"""Sixteen real processes bind the same keys at once: one wins, and all learn who."""

from typing import Any

PROCESSES = 16
KEYS = [f"work/r1-{number:02}/result.json" for number in range(8)]


def test_one_of_sixteen_processes_wins_and_all_are_told_its_bytes(place: Any, script: Any) -> None:
    outcomes = script("racing_writers.py", {**place.settings(), "keys": KEYS, "processes": PROCESSES})
    store = place.open()
    for key in KEYS:
        winner = store.get(key).decode()
        offers = [offered for offered, _ in outcomes[key]]
        assert len(set(offers)) == PROCESSES
        assert winner in offers
        assert [held for _, held in outcomes[key]] == [winner] * PROCESSES
    assert list(store.list()) == KEYS
