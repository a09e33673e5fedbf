"""The harness measures in turns, counts the median and keeps the spread; no test here knows how fast anything is."""

import pytest

from harness import ROUNDS, Outcome, Pair, Samples, measure


class Clock:
    """Time that passes only when work says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def silent(_: str) -> None:
    """Progress that nobody sees."""


def test_both_sides_are_warmed_up_and_then_take_turns_changing_who_goes_first() -> None:
    calls: list[str] = []
    pair = Pair(
        name="p", ours=lambda: calls.append("o"), reference=lambda: calls.append("r"), unit="s", goal=1, times=1
    )
    measure(pair, progress=silent, clock=iter(range(1000)).__next__, rounds=4)
    assert "".join(calls) == "or" + "orro" + "orro"


def test_the_warm_up_is_not_measured() -> None:
    clock = Clock()
    durations = iter([100.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    pair = Pair(
        name="p",
        ours=lambda: setattr(clock, "now", clock.now + next(durations)),
        reference=lambda: setattr(clock, "now", clock.now + 1.0),
        unit="s",
        goal=1,
    )
    outcome = measure(pair, progress=silent, clock=clock)
    assert outcome.ours.values == (1.0, 2.0, 3.0, 4.0, 5.0)
    assert outcome.ours.median == 3.0
    assert outcome.ours.spread == (1.0, 5.0)
    assert outcome.reference.values == (1.0,) * ROUNDS


def test_a_pair_may_bring_the_clock_that_counts_for_it() -> None:
    clock = Clock()
    pair = Pair(
        name="p",
        ours=lambda: setattr(clock, "now", clock.now + 3.0),
        reference=lambda: setattr(clock, "now", clock.now + 1.0),
        unit="s",
        goal=1,
        clock=clock,
    )
    assert measure(pair, progress=silent).ratio == 3.0


def test_one_slow_round_does_not_move_the_median() -> None:
    assert Samples((1.0, 1.0, 1.0, 1.0, 500.0)).median == 1.0


def test_samples_are_in_the_pairs_unit_for_one_piece_of_work() -> None:
    clock = Clock()
    pair = Pair(
        name="p",
        ours=lambda: setattr(clock, "now", clock.now + 0.5),
        reference=lambda: setattr(clock, "now", clock.now + 0.25),
        unit="ms",
        goal=2,
        times=10,
    )
    outcome = measure(pair, progress=silent, clock=clock)
    assert (outcome.ours.median, outcome.reference.median, outcome.ratio) == (50.0, 25.0, 2.0)


def test_a_goal_is_met_up_to_its_ratio() -> None:
    ours, reference = Samples((5.0,)), Samples((2.0,))
    assert Outcome("p", "s", 2.5, ours, reference).met
    assert not Outcome("p", "s", 2.4, ours, reference).met


def test_an_unknown_unit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="pair 'p': unit 'hours' is none of s, ms, µs"):
        Pair(name="p", ours=list, reference=list, unit="hours", goal=1)


def test_progress_names_the_pair_and_the_round() -> None:
    lines: list[str] = []
    measure(Pair(name="p", ours=list, reference=list, unit="s", goal=1), progress=lines.append)
    assert lines[0] == "p: warming up"
    assert lines[-1].startswith(f"p: round {ROUNDS} of {ROUNDS}, ")
