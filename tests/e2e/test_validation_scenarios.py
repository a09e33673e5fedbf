"""What is planted in the world is found, and its clean twin stays quiet.

The scenarios are rendered in small: one day for each split and, where crops and bays do not matter, scenes alone. So
small a fleet may lack a class by chance; where that is not what was planted it is no matter here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from slipway.platform.data.validation.runner import Request, run
from slipway.platform.data.validation.suite import general_suite
from slipway.platform.data.validation.verdict import Finding
from slipway.training.world.rendering import render_scenario
from slipway.training.world.scenarios import CLEAN, scenario_of

TODAY: Final = date(2026, 4, 1)


@dataclass(frozen=True)
class Planted:
    """What a scenario's fault looks like: the expectations that must not hold, and what they say."""

    expectations: frozenset[str]
    told: str
    blocks: bool
    beside_twin: bool = False
    """Whether it shows only against an earlier snapshot."""
    small: Mapping[str, Any] = field(default_factory=dict)
    """What the scenario needs beyond scenes."""


PLANTED: Final[Mapping[str, Planted]] = {
    "night-shift": Planted(frozenset({"expect_no_shift"}), "light `night` went from", blocks=False, beside_twin=True),
    "new-camera": Planted(frozenset({"expect_no_shift"}), "camera `exit` is new", blocks=False, beside_twin=True),
    "label-noise": Planted(
        frozenset({"expect_categories_to_agree", "expect_identities_to_agree"}),
        "boxes and `",
        blocks=True,
        small={"crops": 20},
    ),
    "rare-type": Planted(
        frozenset({"expect_classes_in_every_split"}),
        "category `lorry` has only 1",
        blocks=False,
        small={"days": (("harbour", (2, 1, 1)),)},
    ),
    "clock-skew": Planted(frozenset({"expect_clocks_to_agree"}), "the clocks of aisle-east and", blocks=True),
    "corrupt": Planted(
        frozenset(
            {
                "expect_images_to_decode",
                "expect_boxes_inside_images",
                "expect_legal_basis",
                "expect_retention_not_expired",
                "expect_no_duplicates_across_splits",
            }
        ),
        "Premature end of JPEG file",
        blocks=True,
        small={"sessions": (("noon", "day"),), "bays": 56},
    ),
}


def rendered(name: str, folder: Path, **needed: Any) -> Path:
    """A scenario in small."""
    small: dict[str, Any] = {"days": (("harbour", (1, 1, 1)),), "crops": 0, "bays": 0} | needed
    render_scenario(replace(scenario_of(name), **small), folder / name)
    return folder / name


def validated(folder: Path, previous: Path | None = None) -> tuple[Finding, ...]:
    return run(
        Request(snapshot=folder, suites=[general_suite()], today=TODAY, threads=1, previous=previous),
        lambda _stage, _done, _total: None,
    )


def failed(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {one.expectation: one for one in findings if not one.ok}


@pytest.mark.timeout(300)  # two renderings and two validations
@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_fault_is_found_and_its_clean_twin_is_quiet(name: str, tmp_path: Path) -> None:
    planted = PLANTED[name]
    twin = rendered(name + CLEAN, tmp_path, **planted.small)
    quiet = {one.expectation: one.sentence for one in failed(validated(twin)).values()}
    if "expect_classes_in_every_split" not in planted.expectations:
        quiet.pop("expect_classes_in_every_split", None)
    assert quiet == {}

    found = failed(validated(rendered(name, tmp_path, **planted.small), twin if planted.beside_twin else None))
    assert planted.expectations <= set(found)
    assert any(planted.told in found[one].sentence for one in planted.expectations)
    assert any(one.severity == "blocking" for one in found.values()) is planted.blocks
    assert all(row.shard for one in planted.expectations for row in found[one].rows if row.sample)
