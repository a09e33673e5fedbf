"""In which parts two pieces of work differ."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.platform.data.view import View
from slipway.platform.runs.code.closure import Code
from slipway.platform.runs.comparing.differences import Change, Difference, Kind, differences
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.references import Reference

Make = Callable[..., Parts]
CHANGED, ADDED, REMOVED = Change.CHANGED, Change.ADDED, Change.REMOVED


def test_equal_work_has_no_differences(make_parts: Make) -> None:
    assert differences(make_parts(), make_parts()) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"model": "fish"}, [Difference(Kind.MODEL, "model", CHANGED, "bird", "fish")]),
        ({"snapshot": "6" * 64}, [Difference(Kind.SNAPSHOT, "snapshot", CHANGED, "5" * 64, "6" * 64)]),
        (
            {"view": View.of({})},
            [Difference(Kind.VIEW, "where", CHANGED, [["split", ["test", "train"]]], [])],
        ),
        (
            {"config": {"seed": 1.0, "optimizer": {"lr": 0.1, "momentum": None}}},
            [
                Difference(Kind.CONFIG, "optimizer.clip", REMOVED, before=0.0),
                Difference(Kind.CONFIG, "optimizer.momentum", ADDED),
                Difference(Kind.CONFIG, "seed", CHANGED, 1, 1.0),
            ],
        ),
        (
            {"lock": ("numpy==2.4.7", "scipy==1.0")},
            [
                Difference(Kind.LOCK, "numpy", CHANGED, "2.4.6", "2.4.7"),
                Difference(Kind.LOCK, "scipy", ADDED, after="1.0"),
                Difference(Kind.LOCK, "torch", REMOVED, before="2.13.0"),
            ],
        ),
        (
            {"references": {"start": Reference("x", "7" * 64)}},
            [Difference(Kind.REFERENCE, "start", ADDED, after="7" * 64)],
        ),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_what_differs_is_named_with_both_values(
    make_parts: Make, change: Mapping[str, Any], found: list[Difference]
) -> None:
    assert differences(make_parts(), make_parts(**change)) == found


def test_files_of_the_code_are_named_by_path(make_parts: Make, tree: Path, code_of: Callable[[Path], Code]) -> None:
    before = make_parts()
    model = tree / "trainer/acme/training/models/bird"
    (model / "task.py").chmod(0o755)
    (model / "network.py").write_text("import torch  # other\n")
    (model / "more.yaml").write_text("")
    (model / "conf/config.yaml").unlink()
    found = differences(before, make_parts(code=code_of(tree)))
    assert [(one.name.rpartition("bird/")[2], one.change) for one in found] == [
        ("conf/config.yaml", REMOVED),
        ("more.yaml", ADDED),
        ("network.py", CHANGED),
        ("task.py", CHANGED),
    ]
    assert found[3].after == f"{found[3].before} executable"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 0.5]) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text("xy", min_size=1, max_size=1), inner, max_size=2)
    ),
    max_leaves=5,
)
CONFIGS = st.dictionaries(st.text("xyz", min_size=1, max_size=1), VALUES, max_size=3)


@given(before=CONFIGS, after=CONFIGS)
def test_there_are_differences_exactly_when_the_keys_differ(before: Any, after: Any) -> None:
    left, right = (
        Parts(model="bird", snapshot="5", view={}, code=(), config=config, lock=()) for config in (before, after)
    )
    assert (differences(left, right) == []) == (left.key == right.key)
    assert len(differences(left, right)) == len(differences(right, left))
