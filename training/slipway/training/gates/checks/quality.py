"""Is it good enough: floors, the worst slice, gaps between groups, calibration. They hold for every variant."""

from collections.abc import Iterator

from slipway.platform.models.gates import Calibration, Floor, Gap, Gates, WorstSlice
from slipway.platform.registry.verdict import Checked
from slipway.training.evaluation.judged import Evaluation, Measure
from slipway.training.gates.checks.common import (
    SLICE_PREFIX,
    Sense,
    fails,
    lacking,
    limit_words,
    measures_of,
    number,
    spread,
    state_of,
    unmeasured,
)
from slipway.training.gates.evidence import Evidence


def quality(gates: Gates, evidence: Evidence, variants: tuple[str, ...]) -> Iterator[Checked]:
    """All of them, variant by variant."""
    for variant in variants:
        for floor in gates.floors:
            yield floor_of(floor, evidence, variant)
        for worst in gates.worst_slice:
            yield worst_slice_of(worst, evidence, variant)
        for gap in gates.gaps:
            yield gap_of(gap, evidence, variant)
        if gates.calibration is not None:
            yield calibration_of(gates.calibration, evidence, variant)


def floor_of(floor: Floor, evidence: Evidence, variant: str) -> Checked:
    """A metric against its floor, or its ceiling."""
    evaluation = evidence.evaluations[variant]
    sense: Sense = "least" if floor.least is not None else "most"
    limit = floor.least if floor.least is not None else floor.most
    if limit is None:
        raise ValueError("a floor has a limit")
    where = f" at {floor.column} {floor.slice}" if floor.column else ""
    name = f"{floor.metric}{where} {limit_words(limit, sense)}, {variant}"
    measured = measures_of(evaluation, floor.column, floor.slice).get(floor.metric)
    if measured is None or measured.value is None:
        why = lacking(floor.metric, evaluation)
        if floor.metric in evaluation.overall:
            why = f"The evaluation has no {floor.metric} for {floor.column} {floor.slice}."
        return unmeasured(floor, "floor", name, why, variant=variant, limit=limit, sense=sense)
    return Checked(
        gate="floor",
        name=name,
        state=state_of(passed=not fails(measured.value, limit, sense)),
        value=measured.value,
        limit=limit,
        sense=sense,
        low=measured.low,
        high=measured.high,
        units=measured.units,
        variant=variant,
        column=floor.column,
        slice=floor.slice,
        sentence=f"{floor.metric}{where} is {spread(measured)} on {measured.units:,} units; expected is "
        f"{limit_words(limit, sense)}.",
        evidence=evidence.proof_of(variant),
    )


def worst_slice_of(worst: WorstSlice, evidence: Evidence, variant: str) -> Checked:
    """The worst of all slices that are large enough."""
    evaluation = evidence.evaluations[variant]
    metric = worst.metric or evaluation.headline
    name = f"worst {metric} of {', '.join(worst.columns)}, {variant}"
    if metric not in evaluation.overall:
        return unmeasured(worst, "worst-slice", name, lacking(metric, evaluation), variant=variant, limit=worst.least)
    groups = groups_of(evaluation, worst.columns, metric, worst.units)
    if not groups:
        why = f"No slice of {', '.join(worst.columns)} has {worst.units} units."
        return unmeasured(worst, "worst-slice", name, why, variant=variant, limit=worst.least)
    falling = metric in evaluation.falling
    column, group, measured = sorted(groups, key=lambda one: one[2].value or 0.0, reverse=falling)[0]
    value = measured.value or 0.0
    sense: Sense = "most" if falling else "least"
    return Checked(
        gate="worst-slice",
        name=name,
        state=state_of(passed=not fails(value, worst.least, sense)),
        value=value,
        limit=worst.least,
        sense=sense,
        low=measured.low,
        high=measured.high,
        units=measured.units,
        variant=variant,
        column=column,
        slice=group,
        sentence=f"Of {len(groups)} slices, {column} {group} has the worst {metric}: {spread(measured)} on "
        f"{measured.units:,} units; expected is {limit_words(worst.least, sense)}.",
        evidence=evidence.proof_of(variant),
    )


def gap_of(gap: Gap, evidence: Evidence, variant: str) -> Checked:
    """How far the best group of a column is from the worst."""
    evaluation = evidence.evaluations[variant]
    metric = gap.metric or evaluation.headline
    name = f"gap in {metric} between groups of {gap.column}, {variant}"
    if metric not in evaluation.overall:
        return unmeasured(gap, "gap", name, lacking(metric, evaluation), variant=variant, limit=gap.most, sense="most")
    groups = groups_of(evaluation, (gap.column,), metric, gap.units)
    if len(groups) < 2:  # noqa: PLR2004 - a gap is between two
        why = f"{len(groups)} groups of {gap.column} have {gap.units} units; a gap needs two."
        return unmeasured(gap, "gap", name, why, variant=variant, limit=gap.most, sense="most", column=gap.column)
    ordered = sorted(groups, key=lambda one: one[2].value or 0.0)
    (_, low, least), (_, high, most) = ordered[0], ordered[-1]
    value = (most.value or 0.0) - (least.value or 0.0)
    return Checked(
        gate="gap",
        name=name,
        state=state_of(passed=value <= gap.most),
        value=value,
        limit=gap.most,
        sense="most",
        units=min(least.units, most.units),
        variant=variant,
        column=gap.column,
        sentence=f"{metric} is {number(most.value)} for {gap.column} {high} and {number(least.value)} for {low}, "
        f"{number(value)} apart; expected is {limit_words(gap.most, 'most')}.",
        evidence=evidence.proof_of(variant),
    )


def calibration_of(calibration: Calibration, evidence: Evidence, variant: str) -> Checked:
    """Whether confidence means what it says."""
    evaluation = evidence.evaluations[variant]
    name = f"{calibration.metric} {limit_words(calibration.most, 'most')}, {variant}"
    measured = evaluation.overall.get(calibration.metric)
    if measured is None or measured.value is None:
        why = lacking(calibration.metric, evaluation)
        return unmeasured(calibration, "calibration", name, why, variant=variant, limit=calibration.most, sense="most")
    return Checked(
        gate="calibration",
        name=name,
        state=state_of(passed=measured.value <= calibration.most),
        value=measured.value,
        limit=calibration.most,
        sense="most",
        low=measured.low,
        high=measured.high,
        units=measured.units,
        variant=variant,
        sentence=f"{calibration.metric} is {spread(measured)}; expected is {limit_words(calibration.most, 'most')}.",
        evidence=evidence.proof_of(variant),
    )


def groups_of(
    evaluation: Evaluation, columns: tuple[str, ...], metric: str, units: int
) -> list[tuple[str, str, Measure]]:
    """Column, name and value of each slice that is large enough and has the metric."""
    found = []
    for one in evaluation.slices:
        column = one.column.removeprefix(SLICE_PREFIX)
        measured = one.measures.get(metric)
        if column in columns and measured is not None and measured.value is not None and measured.units >= units:
            found.append((column, one.name, measured))
    return found
