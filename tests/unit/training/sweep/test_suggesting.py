"""What is tried next: a function of seed and knowledge, never twice the same, better with time."""

import math
from pathlib import Path

import pytest

from slipway.platform.models.finder import Model
from slipway.training.sweep.space import Dimension, Interval, Listed, Space
from slipway.training.sweep.suggesting import Known, Values, combinations, suggest

RATE = Interval("lr", 1e-5, 1.0, log=True)


def space(*dimensions: Dimension) -> Space:
    return Space(Model("m", Path(), "m"), (), dimensions)


def swept(room: Space, trials: int, seed: int = 0) -> list[Known]:
    """Try, with a score that is best at a rate of 0.01 and a wide network."""
    known: list[Known] = []
    for _ in range(trials):
        values = suggest(room, known, seed=seed, trials=trials, falling=False)
        if values is None:
            break
        known.append(Known(values, score(values)))
    return known


def score(values: Values) -> float:
    return -abs(math.log10(float(values.get("lr", "0.01"))) + 2) - 0.5 * (values.get("network") == "small")


def test_few_combinations_are_all_tried_once_and_then_there_is_nothing_left() -> None:
    room = space(Listed("network", ("small", "base")), Listed("batch", ("8", "16", "32"), ordered=True))
    assert [one.values for one in swept(room, 20)] == combinations(room)


def test_nothing_is_tried_twice_in_a_large_list() -> None:
    room = space(Listed("batch", tuple(map(str, range(30))), ordered=True))
    tried = [one.values["batch"] for one in swept(room, 29)]
    assert len(set(tried)) == len(tried) == 29


def test_the_same_seed_and_knowledge_suggest_the_same() -> None:
    room = space(RATE, Listed("network", ("small", "base")))
    first, second = swept(room, 12), swept(room, 12)
    assert first == second
    known = first[:9]
    assert suggest(room, known, seed=0, trials=12, falling=False) == first[9].values
    assert swept(room, 12, seed=1) != first


def test_suggestions_get_better_than_chance() -> None:
    room = space(RATE, Listed("network", ("small", "base")))
    scores = [one.score or 0.0 for seed in range(3) for one in swept(room, 24, seed)]
    early = [score for place, score in enumerate(scores) if place % 24 < 8]
    late = [score for place, score in enumerate(scores) if place % 24 >= 16]
    assert sum(late) / len(late) > sum(early) / len(early)


@pytest.mark.parametrize("state", [{"score": None}, {"failed": True}])
def test_what_failed_or_is_under_way_is_not_tried_again(state: dict[str, bool | None]) -> None:
    room = space(Listed("network", ("small", "base")))
    known = [Known({"network": "small"}, **state)]  # type: ignore[arg-type]
    assert suggest(room, known, seed=0, trials=5, falling=False) == {"network": "base"}


def test_less_is_better_where_it_falls() -> None:
    room = space(RATE)
    known: list[Known] = []
    for _ in range(20):
        values = suggest(room, known, seed=0, trials=20, falling=True)
        assert values is not None
        known.append(Known(values, -score(values)))
    last = [one.score or 0.0 for one in known[-6:]]
    assert sum(last) / len(last) < 1.0
