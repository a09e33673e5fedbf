"""The filter language: what it chooses, and what it says when it is not understood."""

from typing import Any

import pytest

from slipway.platform.data.query import BadQuery, parse
from slipway.platform.data.selection import find_sample, select
from slipway.platform.errors import WrongUse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("camera=north", {1, 3, 5, 7}),
        ("camera = 'north'", {1, 3, 5, 7}),
        ("camera == north and day >= 2026-03-02", {5, 7}),
        ("light in (night, dusk)", {2, 3, 6, 7}),
        ("light not in (night, dusk)", {0, 1, 4, 5}),
        ("camera=north or light=dusk and split=test", {1, 3, 5, 6, 7}),
        ("(camera=north or light=dusk) and split=test", {6, 7}),
        ("not camera=north", {0, 2, 4, 6}),
        ("weather is none", {7}),
        ("weather is not none and split = test", {6}),
        ("weather != dry", {7}),
        ("weather = none", {7}),
        ("frame < 2", {0, 1}),
        ("frame<=2 AND frame>0", {1, 2}),
        ("time >= 08:06", {6, 7}),
        ("time < 28861.5", {0, 1}),
        ("slice_zone=ramp", {0, 1, 2}),
        ("source ~ 3.JPG", {3}),
        ("category=van", {0, 2, 4, 6}),
        ("category != van", {1, 3, 5, 7}),
        ("identity in (car-1, car-2)", {1, 2}),
        ("author=grace and category=car", {0, 2, 4, 6}),
        ("box(author=grace and category=car)", set()),
        ("box(category=van and occlusion > 0.3)", {4, 6}),
        ("occlusion > 0.3", {4, 6}),
        ("not box(not category=car)", {1, 3, 5, 7}),
        ("split=validation", set()),
        ("light in (night, fog)", {3, 7}),
    ],
)
def test_it_chooses(snapshot: Any, text: str, expected: set[int]) -> None:
    assert set(select(snapshot, text)["frame"].to_pylist()) == expected


@pytest.mark.parametrize(
    ("text", "place", "told", "mend"),
    [
        ("camra=north", 1, "no column `camra`", "Did you mean `camera`?"),
        ("light=day and camera=nort", 22, "no row has `camera` = `nort`", "Did you mean `north`?"),
        ("light in (night, dsk)", 18, "no row has `light` = `dsk`", "Did you mean `dusk`?"),
        ("split=tset", 7, "no row has `split` = `tset`", "Did you mean `test`?"),
        ("camera=elsewhere", 8, "no row has", "Valid names: north, south."),
        ("day>=2026-3-1", 6, "is a date such as 2026-03-01", "year-month-day"),
        ("frame=2.5", 7, "`frame` is a whole number", "Correct"),
        ("time>soon", 6, "a number or a time such as 08:30", "Correct"),
        ("box(camera=north)", 5, "no column `camera`", "Valid names"),
        ("camera", 7, "ends where an operator", "Example"),
        ("camera=", 8, "ends where a value", "Example"),
        ("camera north", 8, "`north` is no operator", "Operators:"),
        ("camera=north light=day", 14, "`light` is left over", "Example"),
        ("(camera=north", 14, "ends where `)`", "Example"),
        ("camera in north", 11, "stands where `(` was expected", "Example"),
        ("camera='north", 8, "`'` is not expected", "same quote"),
        ("", 1, "ends where a column", "Example"),
        ("=north", 1, "`=` stands where a column", "Example"),
        ("__import__('os')", 11, "is no operator", "Operators"),
        ("(" * 60 + "camera=north" + ")" * 60, 51, "more than 50 deep", "Example"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_what_would_be_right(
    snapshot: Any, text: str, place: int, told: str, mend: str
) -> None:
    with pytest.raises(BadQuery) as caught:
        select(snapshot, text)
    assert f"at character {place}:" in str(caught.value)
    assert told in str(caught.value)
    assert mend in (caught.value.mend or "")
    marked = (caught.value.mend or "").split("\n")[1]
    assert marked.index("^") == place - 1 + 2
    assert caught.value.exit_code == 2


def test_a_long_chain_is_no_trouble(snapshot: Any) -> None:
    assert select(snapshot, " or ".join(["frame=1"] * 3000)).num_rows == 1


def test_a_quoted_keyword_is_a_value() -> None:
    assert parse("light = 'none'") != parse("light = none")


def test_a_sample_is_found_by_the_beginning_of_its_id(snapshot: Any) -> None:
    known = snapshot.index["sample"].to_pylist()
    assert find_sample(snapshot, known[0][:16].upper()) == known[0]
    with pytest.raises(WrongUse, match="8 samples"):
        find_sample(snapshot, "")
    with pytest.raises(WrongUse, match="No sample"):
        find_sample(snapshot, "xyz")
