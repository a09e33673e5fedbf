"""What steps tell and are asked, as data."""

from decimal import Decimal

import pytest

from slipway.pipelines.steps.given import later, needed
from slipway.pipelines.steps.step import Ask, How, Told
from slipway.pipelines.steps.table import STEPS, step_named
from slipway.platform.errors import WrongUse


def test_what_a_step_tells_is_the_same_after_a_way_as_json() -> None:
    told = Told(
        step="train", how=How.DONE, line="quiet-heron-412.", values={"run": "r1-0"}, links={"the run": "show"},
        cost=Decimal("1.25"), currency="EUR", seconds=2.0, work="r1-0", mend="Look.", text="# Review",
    )  # fmt: skip
    assert Told.from_data(told.as_data()) == told
    assert Told.from_data(Told(step="gate", how=How.FOUND, line="Passed.").as_data()).cost is None


@pytest.mark.parametrize(
    "asked", [{"cause": "moon"}, {"response": "yes", "responder": "ben"}, {"response": "approve"}, {"responder": "ben"}]
)
def test_what_nobody_can_mean_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(WrongUse):
        Ask(model="vehicle-reid", **asked)  # type: ignore[arg-type]


def test_a_value_that_is_missing_is_told_with_the_step_that_has_it() -> None:
    with pytest.raises(WrongUse, match="the step export tells"):
        needed({"run": "r1-0"}, "bundle", "gate")
    waiting = later({}, "bundle", "gate")
    assert waiting is not None
    assert (waiting.how, waiting.line) == (How.TO_DO, "After export.")
    assert later({"bundle": "b"}, "bundle", "gate") is None


@pytest.mark.parametrize("name", STEPS)
def test_every_step_of_the_table_is_there_under_its_name(name: str) -> None:
    assert step_named(name).name == name


def test_another_name_is_told_the_nearest_one() -> None:
    with pytest.raises(WrongUse) as refused:
        step_named("promot")
    assert "promote" in (refused.value.mend or "")
