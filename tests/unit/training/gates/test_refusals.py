"""Through a real judge, each is refused by the gate that is meant for it, and by no other.

A worse model, one that is better on average and worse at night, an INT8 that keeps the mean and breaks the night.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from slipway.training.evaluation.assess import assess
from slipway.training.evaluation.judged import Evaluation, Judged
from slipway.training.evaluation.predicted import table_of_probabilities
from slipway.training.gates.comparing import compare
from slipway.training.gates.evidence import Evidence, Facts
from slipway.training.gates.judging import checks_of
from slipway.training.models.bay_occupancy.data import STATE, STATES, examples_of
from slipway.training.models.bay_occupancy.evaluation import judged
from slipway.training.task import Examples

if TYPE_CHECKING:
    from slipway.platform.models.schema import Declaration

Make = Callable[..., Any]
COUNT = 240
GATES: dict[str, Any] = {
    "floors": [{"metric": "accuracy", "least": 0.7}],
    "against_champion": {"margin": 0.03, "units": 50},
    "worst_slice": [{"least": 0.7, "units": 20}],
    "parity": {"metric": 0.02, "units": 20, "heads": {}},
}


@dataclass(frozen=True)
class Bays:
    """Bays at night and by day, and models that are wrong about some of them."""

    examples: Examples

    def wrong(self, *, night: int, day: int) -> Judged:
        """A model that is wrong about so many of each."""
        dark = np.array(self.examples.rows["light"].to_pylist()) == "night"
        wrong: npt.NDArray[np.bool_] = np.zeros(len(dark), bool)
        for which, count in ((dark, night), (~dark, day)):
            wrong[np.flatnonzero(which)[:count]] = True
        truth = self.examples.truth[STATE].numpy()
        said = np.where(wrong, 1 - truth, truth)
        probabilities = np.where(said[:, None] == np.arange(2), 0.9, 0.1)
        return judged(table_of_probabilities(self.examples.rows, STATES, probabilities), self.examples.rows)


@pytest.fixture(scope="module")
def bays(make_bays: Make) -> Bays:
    snapshot = make_bays(("test", STATES[number % 2], "reviewed") for number in range(COUNT))
    return Bays(examples_of(snapshot, "test", 64))


@pytest.fixture
def refused_by(declare: Make, evidence: Make, facts: Make) -> Callable[..., set[str]]:
    """The gates that refuse a model with this INT8 variant, against a champion."""

    def gates(champion: Judged, candidate: Judged, int8: Judged | None = None) -> set[str]:
        declaration: Declaration = declare(**GATES)
        check = declaration.gates.against_champion
        found, total, dropped = compare(check, "fp32", candidate, "fp32", champion, ())
        given: Facts = facts(
            bundle(evidence, candidate, int8 or candidate),
            champion=bundle(evidence, champion, champion),
            compared=(found,),
            total=total,
            dropped=dropped,
        )
        return {one.gate for one in checks_of(declaration, given) if one.state == "failed"}

    return gates


def bundle(evidence: Make, fp32: Judged, int8: Judged) -> Evidence:
    said: dict[str, Evaluation] = {
        "checkpoint": assess(fp32, draws=20), "fp32": assess(fp32, draws=20), "int8_cpu": assess(int8, draws=20),
    }  # fmt: skip
    found: Evidence = evidence(**said)
    return found


def test_as_good_as_the_champion_is_good_enough(bays: Bays, refused_by: Callable[..., set[str]]) -> None:
    assert refused_by(bays.wrong(night=6, day=18), bays.wrong(night=5, day=19)) == set()


def test_a_worse_model_is_refused_by_the_champion(bays: Bays, refused_by: Callable[..., set[str]]) -> None:
    assert refused_by(bays.wrong(night=3, day=6), bays.wrong(night=10, day=30)) == {"against-champion"}


def test_better_on_average_and_worse_at_night_is_refused_by_the_worst_slice(
    bays: Bays, refused_by: Callable[..., set[str]]
) -> None:
    champion, candidate = bays.wrong(night=10, day=50), bays.wrong(night=25, day=5)
    assert refused_by(champion, candidate) == {"worst-slice"}


def test_a_broken_int8_that_keeps_the_mean_is_refused_by_parity(
    bays: Bays, refused_by: Callable[..., set[str]]
) -> None:
    whole, broken = bays.wrong(night=4, day=20), bays.wrong(night=14, day=10)
    ones = np.ones(COUNT)
    assert whole.metrics["accuracy"](ones) == broken.metrics["accuracy"](ones)
    assert refused_by(whole, whole, broken) == {"parity"}
