"""Each check passes what is good enough, refuses what is not, and says what it could not find out."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pytest

from slipway.platform.models.schema import Declaration
from slipway.platform.registry.verdict import Checked
from slipway.training.evaluation.judged import Evaluation, Measure
from slipway.training.gates.checks.common import fails
from slipway.training.gates.evidence import Compared, DataSaid, Evidence, Facts, Lineage
from slipway.training.gates.judging import checks_of
from slipway.training.gates.records import Disturbance, Disturbed, HeadDifference

Make = Callable[..., Any]
Find = Callable[[Declaration, Facts, str], list[Checked]]


def states(found: list[Checked]) -> dict[str, str]:
    return {one.variant or "": one.state for one in found}


def test_all_names_of_checks_are_different(declare: Make, facts: Make) -> None:
    declaration = declare(
        floors=[{"metric": "accuracy", "least": 0.5}, {"metric": "accuracy", "least": 0.6}],
        worst_slice=[{"least": 0.1}],
        gaps=[{"column": "light", "most": 0.5}],
        calibration={"most": 0.5},
    )
    names = [one.name for one in checks_of(declaration, facts())]
    assert len(names) == len(set(names)) > 10


@pytest.mark.parametrize(("least", "state"), [(0.85, "passed"), (0.9, "passed"), (0.91, "failed")])
def test_a_floor_holds_for_every_variant(declare: Make, facts: Make, checks: Find, least: float, state: str) -> None:
    found = checks(declare(floors=[{"metric": "accuracy", "least": least}]), facts(), "floor")
    assert states(found) == {"int8-cpu": state, "fp32": state}


def test_one_bad_variant_is_enough(declare: Make, facts: Make, checks: Find, evidence: Make, evaluation: Make) -> None:
    floors = [{"metric": "accuracy", "least": 0.85, "column": "light", "slice": "night"}]
    found = checks(declare(floors=floors), facts(evidence(int8_cpu=evaluation(night=0.8))), "floor")
    assert states(found) == {"int8-cpu": "failed", "fp32": "passed"}
    assert "accuracy at light night is 0.8 on 100 units" in found[0].sentence


def test_a_ceiling_is_a_floor_upside_down(declare: Make, facts: Make, checks: Find) -> None:
    for most, state in ((0.05, "passed"), (0.04, "failed")):
        found = checks(declare(floors=[{"metric": "calibration_error", "most": most}]), facts(), "floor")
        assert set(states(found).values()) == {state}


@pytest.mark.parametrize(
    ("floor", "told"),
    [
        ({"metric": "map", "least": 0.1}, "no metric `map`; it has accuracy, calibration_error"),
        ({"metric": "accuracy", "least": 0.1, "column": "light", "slice": "dusk"}, "no accuracy for light dusk"),
    ],
)
def test_what_cannot_be_measured_fails_unless_declared_otherwise(
    declare: Make, facts: Make, checks: Find, floor: Mapping[str, Any], told: str
) -> None:
    found = checks(declare(floors=[floor]), facts(), "floor")
    assert {one.state for one in found} == {"failed"}
    assert told in found[0].sentence
    lenient = checks(declare(floors=[{**floor, "when_unavailable": "prove-on-device"}]), facts(), "floor")
    assert {one.state for one in lenient} == {"prove-on-device"}


def test_the_worst_slice_is_the_worst_that_is_large_enough(declare: Make, facts: Make, checks: Find) -> None:
    for units, where, state in ((50, "light night", "passed"), (10, "site harbour", "failed")):
        found = checks(declare(worst_slice=[{"least": 0.8, "units": units}]), facts(), "worst-slice")
        assert {f"{one.column} {one.slice}" for one in found} == {where}
        assert {one.state for one in found} == {state}


def test_a_gap_is_between_groups_of_one_column(declare: Make, facts: Make, checks: Find) -> None:
    for most, state in ((0.05, "passed"), (0.03, "failed")):
        found = checks(declare(gaps=[{"column": "light", "most": most}]), facts(), "gap")
        assert {one.state for one in found} == {state}
        assert found[0].value == pytest.approx(0.04)
    alone = checks(declare(gaps=[{"column": "site", "most": 1, "units": 5}]), facts(), "gap")
    assert "a gap needs two" in alone[0].sentence


def test_calibration_has_a_limit(declare: Make, facts: Make, checks: Find) -> None:
    for most, state in ((0.05, "passed"), (0.049, "failed")):
        assert set(states(checks(declare(calibration={"most": most}), facts(), "calibration")).values()) == {state}


def compared(low: float | None, units: int = 300) -> Compared:
    high = None if low is None else low + 0.02
    return Compared("fp32", "fp32", "accuracy", 0.9, 0.905, low, high, units)


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (compared(0.001), "passed"),
        (compared(-0.01), "passed"),
        (compared(-0.0101), "failed"),  # better in the mean, and within the noise
        (compared(None), "failed"),
        (compared(0.1, units=49), "failed"),
    ],
)
def test_nothing_passes_inside_the_noise(
    declare: Make, facts: Make, checks: Find, evidence: Make, one: Compared, state: str
) -> None:
    given = facts(champion=evidence(), compared=(one,), total=310, dropped=10)
    found = checks(declare(against_champion={"margin": 0.01}), given, "against-champion")
    assert [one.state for one in found] == [state]
    assert f"{one.units} of 310 units remain" in found[0].sentence


def test_without_a_champion_there_is_nothing_to_compare(declare: Make, facts: Make, checks: Find) -> None:
    assert not checks(declare(), facts(), "against-champion")


def test_what_cannot_be_compared_is_refused(declare: Make, facts: Make, checks: Find, evidence: Make) -> None:
    given = facts(champion=evidence(), incomparable="They were judged on different units.")
    assert [one.state for one in checks(declare(), given, "against-champion")] == ["failed"]


def disturbed(after: float) -> Disturbed:
    return Disturbed(
        variant="int8-cpu",
        disturbance=Disturbance(distortion="blur", strength=1),
        clean={"accuracy": Measure(value=0.9, units=40)},
        disturbed={"accuracy": Measure(value=after, units=40)},
        rows=40,
    )


def test_a_disturbed_image_costs_little(declare: Make, facts: Make, checks: Find, evidence: Make) -> None:
    declaration = declare(robustness=[{"distortion": "blur", "strength": 1, "most": 0.05}])
    for after, state in ((0.86, "passed"), (0.84, "failed"), (0.95, "passed")):
        found = checks(declaration, facts(evidence(report={"disturbed": (disturbed(after),)})), "robustness")
        assert states(found) == {"int8-cpu": state}
        assert "On 40 of 400 rows" in found[0].sentence
    assert [one.state for one in checks(declaration, facts(), "robustness")] == ["failed"]


def test_raw_heads_stay_near_the_checkpoint(declare: Make, facts: Make, checks: Find, evidence: Make) -> None:
    for usual, golden, state in ((1e-4, 1e-4, "passed"), (0.5, 1e-4, "failed"), (1e-4, 0.5, "failed")):
        heads = {"fp32": {"logits": HeadDifference(greatest=9, usual=usual, golden=golden)}}
        found = checks(declare(), facts(evidence(report={"heads": heads})), "parity")
        assert [one.state for one in found if one.name.startswith("raw heads")] == [state]


def test_a_variant_that_keeps_the_mean_and_breaks_a_slice_is_refused(
    declare: Make, facts: Make, checks: Find, evidence: Make, evaluation: Make
) -> None:
    broken = evidence(int8_cpu=evaluation(night=0.85, day=0.93))
    found = {one.variant: one for one in checks(declare(), facts(broken), "parity") if "slice" in one.name}
    assert (found["int8-cpu"].state, found["fp32"].state) == ("failed", "passed")
    assert (found["int8-cpu"].column, found["int8-cpu"].slice) == ("light", "night")


def test_a_slice_in_which_a_variant_has_no_metric_any_more_has_lost_it(
    declare: Make, facts: Make, checks: Find, evidence: Make, evaluation: Make
) -> None:
    whole = evaluation()
    night = whole.slices[1].model_copy(update={"measures": {"accuracy": Measure(value=None, units=100)}})
    broken = whole.model_copy(update={"slices": (whole.slices[0], night, whole.slices[2])})
    for one in (broken, whole.model_copy(update={"slices": whole.slices[:1]})):
        found = checks(declare(), facts(evidence(int8_cpu=one)), "parity")
        (told,) = (check for check in found if "slice" in check.name and check.variant == "int8-cpu")
        assert (told.state, told.value, told.column, told.slice) == ("failed", None, "light", "night")
        assert "no longer defined" in told.sentence


def test_what_is_no_number_is_on_the_wrong_side_of_every_limit() -> None:
    assert fails(float("nan"), 0.5, "least")
    assert fails(float("nan"), 0.5, "most")


def test_one_unit_more_or_less_is_no_loss(
    declare: Make, facts: Make, checks: Find, evidence: Make, evaluation: Make
) -> None:
    declaration = declare(parity={"metric": 0.001, "units": 50})
    for night, state in ((0.87, "passed"), (0.86, "failed")):  # of 100 units
        found = checks(declaration, facts(evidence(int8_cpu=evaluation(night=night))), "parity")
        assert [one.state for one in found if "slice" in one.name and one.variant == "int8-cpu"] == [state]


def ranked(*nearest: str) -> pa.Table:
    return pa.table(
        {"sample": ["q1", "q2", "x", "y"], "identity": ["a", "b", "a", "a"], "nearest": [[n] for n in nearest]}
    )


def test_rank_flips_count_individuals_and_not_pictures(
    declare: Make, facts: Make, checks: Find, evidence: Make
) -> None:
    before = ranked("x", "q1", "y", "x")
    for after, state in ((ranked("y", "q1", "y", "x"), "passed"), (ranked("q2", "q1", "y", "x"), "failed")):
        given = facts(evidence(samples={"checkpoint": before, "fp32": before, "int8-cpu": after}))
        found = checks(declare(parity={"rank_flips": 0.2}), given, "rank-flips")
        assert states(found) == {"int8-cpu": state, "fp32": "passed"}
    nothing = checks(declare(parity={"rank_flips": 0.2}), facts(), "rank-flips")
    assert {one.state for one in nothing} == {"failed"}


def test_without_its_weights_a_bundle_of_ours_has_no_parity(
    declare: Make, facts: Make, checks: Find, evidence: Make
) -> None:
    ours = evidence()
    lost = Evidence(
        ours.bundle, ours.manifest, ours.report, {name: one for name, one in ours.evaluations.items() if name == "fp32"}
    )
    assert [one.state for one in checks(declare(), facts(lost), "parity")] == ["failed"]


def test_a_foreign_bundle_is_held_against_its_most_precise_variant(
    declare: Make, facts: Make, checks: Find, evidence: Make, evaluation: Make
) -> None:
    found = checks(declare(), facts(evidence(external=True, int8_cpu=evaluation(night=0.5))), "parity")
    assert [(one.variant, one.state) for one in found] == [("int8-cpu", "failed")]
    assert "against fp32" in found[0].name


def test_budgets_are_those_of_the_device_class(declare: Make, facts: Make, checks: Find) -> None:
    tight = {"variants": ["int8-cpu", "fp32"], "batch": 2, "latency_ms": 4.9, "memory_mb": 89, "size_mb": 0.4}
    for devices, state in ((None, "passed"), ({"edge-cpu": tight}, "failed")):
        for gate in ("latency", "memory", "size"):
            assert {one.state for one in checks(declare(devices=devices), facts(), gate)} == {state}


def test_what_this_machine_cannot_measure_is_left_to_the_device_where_declared(
    declare: Make, facts: Make, checks: Find, evidence: Make
) -> None:
    devices = {"box": {**EDGE, "runtime": "tensorrt", "variants": ["fp32"]}}
    for policy, state in (("fail", "failed"), ("prove-on-device", "prove-on-device")):
        declaration = declare(devices=devices, budgets={"when_unavailable": policy})
        for gate in ("latency", "memory", "engine"):
            assert {one.state for one in checks(declaration, facts(evidence()), gate)} == {state}


EDGE = {"batch": 2, "latency_ms": 20.0, "memory_mb": 200.0, "size_mb": 1.0}


@pytest.mark.parametrize(("built", "state"), [(True, "passed"), (False, "failed")])
def test_an_engine_that_was_tried_says_how_it_went(
    declare: Make, facts: Make, checks: Find, evidence: Make, built: bool, state: str
) -> None:
    engine = {
        "tensorrt": "tensorrt_rtx 1.7",
        "built": built,
        "problems": [] if built else ["No kernel for Foo.", "And."],
    }
    variants = {"fp32": {"file": "model.fp32.onnx", "opset": 20, "engine": engine}}
    declaration = declare(devices={"box": {**EDGE, "runtime": "tensorrt", "variants": ["fp32"]}})
    found = checks(declaration, facts(evidence(manifest={"variants": variants})), "engine")
    assert [one.state for one in found] == [state]
    assert built or "No kernel for Foo (1 more)" in found[0].sentence


def test_a_variant_that_does_not_run_and_a_class_without_variants_fail(
    declare: Make, facts: Make, checks: Find, evidence: Make
) -> None:
    unfit = facts(evidence(report={"unfit": {"int8-cpu": "it does not load"}}))
    assert "it does not load" in " ".join(one.sentence for one in checks(declare(), unfit, "parity"))
    devices = {"box": {**EDGE, "variants": ["fp16"]}}
    (without,) = checks(declare(devices=devices), facts(), "size")
    assert without.state == "failed"
    assert "The bundle has no variant for box" in without.sentence
    foreign = checks(declare(devices=devices), facts(evidence(external=True)), "size")
    assert [one.sentence for one in foreign] == ["The bundle is meant for edge-cpu; the model declares box."]
    both = checks(
        declare(devices={**devices, "edge-cpu": {**EDGE, "variants": ["fp32"]}}), facts(evidence(external=True)), "size"
    )
    assert {one.device for one in both} == {"edge-cpu"}  # it is not meant for the other class


@pytest.mark.parametrize(
    ("said", "limit", "state"),
    [
        (DataSaid("c" * 64, found=True, passed=True, warnings=2), None, "passed"),
        (DataSaid("c" * 64, found=True, passed=True, warnings=2), 1, "failed"),
        (DataSaid("c" * 64, found=True, passed=False, failures=("Rows leak.",)), None, "failed"),
        (DataSaid("c" * 64), None, "failed"),
        (DataSaid(None), None, "failed"),
    ],
)
def test_the_data_has_passed_its_validation(
    declare: Make, facts: Make, checks: Find, said: DataSaid, limit: int | None, state: str
) -> None:
    assert [one.state for one in checks(declare(data={"warnings": limit}), facts(data=said), "data")] == [state]


def test_leakage_names_what_was_seen(declare: Make, facts: Make, checks: Find) -> None:
    seen = {"f" * 64: "the individual w1", "0" * 64: "the image itself"}
    found = checks(declare(), facts(lineage=Lineage(known=True, seen=seen)), "leakage")
    assert found[0].state == "failed"
    assert "2 of the 400 rows" in found[0].sentence
    assert "ffffffffffff: the individual w1" in found[0].sentence


def test_what_a_foreign_bundle_has_seen_is_accepted_only_where_declared(
    declare: Make, facts: Make, checks: Find
) -> None:
    given = facts(lineage=Lineage(known=False, why="Nobody knows."))
    refused = checks(declare(), given, "leakage")
    assert (refused[0].state, "leakage: {when_unavailable" in refused[0].sentence) == ("failed", True)
    accepted = checks(declare(leakage={"when_unavailable": "prove-on-device"}), given, "leakage")
    assert accepted[0].state == "prove-on-device"


def test_the_same_facts_give_the_same_checks(declare: Make, facts: Make, evaluation: Make) -> None:
    assert isinstance(evaluation(), Evaluation)
    assert checks_of(declare(), facts()) == checks_of(declare(), facts())
