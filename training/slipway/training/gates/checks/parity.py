"""Does every variant say what the checkpoint says: raw heads, the metric in every slice, first matches?

A variant may keep the mean and break one slice, as INT8 does whose ranges come from bright images alone. So the loss is
looked at slice by slice; what one unit more or less makes in a small slice is no loss. A bundle from elsewhere has no
checkpoint; its first variant stands for it.
"""

from collections.abc import Iterator
from math import inf, isfinite
from typing import TYPE_CHECKING, Final

from slipway.platform.models.gates import Parity
from slipway.platform.registry.verdict import Checked
from slipway.training.evaluation.judged import Evaluation
from slipway.training.gates.checks.common import SLICE_PREFIX, limit_words, loss, number, state_of, unmeasured
from slipway.training.gates.evidence import Evidence
from slipway.training.gates.records import CHECKPOINT, REPORT, evaluation_file, samples_file
from slipway.training.reading.source import strings

if TYPE_CHECKING:
    import pyarrow as pa

NEAREST: Final = "nearest"
"""Column of `samples` of models that rank: what was found for each query, the nearest first."""
INDIVIDUAL: Final = "identity"
"""Column of `samples` that says whom a query shows."""
TOLD: Final = 3
ONE_UNIT: Final = 1 + 1e-6
"""With what rounding may add."""


def parity(check: Parity, evidence: Evidence, variants: tuple[str, ...]) -> Iterator[Checked]:
    """All variants against what they are held against."""
    reference = evidence.reference
    if reference is None or (reference != CHECKPOINT and not evidence.manifest.lineage.external):
        why = "The weights behind the bundle are not in the store, so there is nothing to hold its variants against."
        yield unmeasured(check, "parity", "parity with the checkpoint", why)
        return
    for variant in variants:
        if variant == reference:
            continue
        yield from _heads(check, evidence, variant, reference)
        yield _slices(check, evidence, variant, reference)
        if check.rank_flips is not None:
            yield _flips(check, check.rank_flips, evidence, variant, reference)


def _heads(check: Parity, evidence: Evidence, variant: str, reference: str) -> Iterator[Checked]:
    limit = {str(name): one for name, one in check.heads.items()}.get(variant)
    if limit is None:
        return
    name = f"raw heads against {_told(reference)}, {variant}"
    found = evidence.report.heads.get(variant)
    if not found:
        why = "No raw head was compared."
        yield unmeasured(check, "parity", name, why, variant=variant, limit=limit, sense="most")
        return
    output, one = max(found.items(), key=lambda pair: max(pair[1].usual, pair[1].golden or 0.0))
    value = max(one.usual, one.golden or 0.0)
    golden = "" if one.golden is None else f", {one.golden:.2g} on the golden inputs"
    yield Checked(
        gate="parity",
        name=name,
        state=state_of(passed=value <= limit),
        value=value,
        limit=limit,
        sense="most",
        units=evidence.report.rows,
        variant=variant,
        sentence=f"`{output}` is within {one.usual:.2g} of {_told(reference)} over {evidence.report.rows:,} rows, but "
        f"for one value in 10,000 (farthest: {one.greatest:.2g}){golden}; expected is {limit_words(limit, 'most')}.",
        evidence=evidence.proof(REPORT),
    )


def _slices(check: Parity, evidence: Evidence, variant: str, reference: str) -> Checked:
    first, second = evidence.evaluations[reference], evidence.evaluations[variant]
    metric = first.headline
    name = f"{metric} in every slice against {_told(reference)}, {variant}"
    losses = losses_of(first, second, metric, check.units)
    if not losses:
        why = f"No slice has {check.units} units and a {metric}."
        return unmeasured(check, "parity", name, why, variant=variant, limit=check.metric, sense="most")
    broken = [one for one in sorted(losses, key=lambda one: -one[2]) if one[2] > max(check.metric, ONE_UNIT / one[3])]
    column, group, lost, units = broken[0] if broken else max(losses, key=lambda one: one[2])
    where = f"{column} {group}" if column else "all units"
    told = f"Of {len(losses)} slices, {where} loses most {metric}: {_lost(lost)} on {units:,} units"
    if broken:
        others = ", ".join(f"{one[0]} {one[1]} {_lost(one[2])}".strip() for one in broken[1 : TOLD + 1])
        told += f" (also {others})" if others else ""
    return Checked(
        gate="parity",
        name=name,
        state=state_of(passed=not broken),
        value=lost if isfinite(lost) else None,
        limit=check.metric,
        sense="most",
        units=units,
        variant=variant,
        column=column or None,
        slice=group or None,
        sentence=f"{told}; expected is {limit_words(check.metric, 'most')}.",
        evidence=evidence.proof(evaluation_file(reference), evaluation_file(variant)),
    )


def losses_of(first: Evaluation, second: Evaluation, metric: str, units: int) -> list[tuple[str, str, float, int]]:
    """Column, name, loss and units, of all units and of every slice that is large enough.

    Where the second has no value any more, everything is lost.
    """
    there = {(one.column, one.name): one.measures for one in second.slices} | {("", ""): second.overall}
    groups = [("", "", first.overall), *((one.column, one.name, one.measures) for one in first.slices)]
    found = []
    for column, name, measures in groups:
        before, after = measures.get(metric), there.get((column, name), {}).get(metric)
        if before is None or before.value is None or (column and before.units < units):
            continue
        value = None if after is None else after.value
        lost = inf if value is None else loss(before.value, value, metric, first)
        found.append((column.removeprefix(SLICE_PREFIX), name, lost, before.units))
    return found


def _lost(lost: float) -> str:
    return number(lost) if isfinite(lost) else "all of it, for it is no longer defined,"


def _flips(check: Parity, limit: float, evidence: Evidence, variant: str, reference: str) -> Checked:
    name = f"first matches against {_told(reference)}, {variant}"
    share = flips_of(evidence.samples.get(reference), evidence.samples.get(variant))
    if share is None:
        why = f"What was judged has no column `{NEAREST}`, so no first matches are known."
        return unmeasured(check, "rank-flips", name, why, variant=variant, limit=limit, sense="most")
    queries = evidence.samples[reference].num_rows
    return Checked(
        gate="rank-flips",
        name=name,
        state=state_of(passed=share <= limit),
        value=share,
        limit=limit,
        sense="most",
        units=queries,
        variant=variant,
        sentence=f"{round(share * queries):,} of {queries:,} queries have another individual as first match; "
        f"expected is a share of {limit_words(limit, 'most')}.",
        evidence=evidence.proof(samples_file(reference), samples_file(variant)),
    )


def flips_of(first: "pa.Table | None", second: "pa.Table | None") -> float | None:
    """The share of queries whose first match is another individual; None where nothing is ranked.

    Which of several pictures of one individual comes first says nothing, so they count as one.
    """
    tables = [one for one in (first, second) if one is not None and NEAREST in one.column_names]
    if len(tables) != 2:  # noqa: PLR2004 - the two that are compared
        return None
    who = _individuals(tables[0])
    before, after = ({query: who.get(one, one) for query, one in _firsts(table)} for table in tables)
    return sum(one != after.get(query) for query, one in before.items()) / len(before) if before else None


def _firsts(table: "pa.Table") -> Iterator[tuple[str, str]]:
    """Each query with what is nearest to it."""
    for query, nearest in zip(strings(table["sample"]), table[NEAREST].to_pylist(), strict=True):
        yield query, str(nearest[0]) if nearest else ""


def _individuals(table: "pa.Table") -> dict[str, str]:
    """Whom each sample shows, where that is told."""
    if INDIVIDUAL not in table.column_names:
        return {}
    return dict(zip(strings(table["sample"]), strings(table[INDIVIDUAL]), strict=True))


def _told(reference: str) -> str:
    return "the checkpoint" if reference == CHECKPOINT else reference
