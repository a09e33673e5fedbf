"""Not worse than the champion, by more than the margin and beyond the noise, on rows that neither has seen."""

from collections.abc import Iterator

from slipway.platform.models.gates import NonInferiority
from slipway.platform.registry.verdict import Checked
from slipway.training.gates.checks.common import number, state_of, unmeasured
from slipway.training.gates.evidence import Compared, Facts
from slipway.training.gates.records import predictions_file


def against_champion(check: NonInferiority, facts: Facts) -> Iterator[Checked]:
    """Nothing where there is no champion."""
    if facts.champion is None:
        return
    if facts.incomparable:
        yield unmeasured(check, "against-champion", "against the champion", facts.incomparable)
        return
    for one in facts.compared:
        yield compared_with(check, one, facts)


def compared_with(check: NonInferiority, one: Compared, facts: Facts) -> Checked:
    """The interval of the difference must lie above the margin; too few units decide nothing."""
    name = f"{one.metric} against the champion, {one.variant}"
    known = "" if facts.all_known else ", as far as is known"
    remain = f"{one.units:,} of {facts.total:,} units remain that neither lineage trained on{known}"
    enough = one.units >= check.units
    decided = enough and one.low is not None and one.low >= -check.margin
    if not enough:
        told = f"{remain}, fewer than {check.units}: they decide nothing."
    elif one.low is None or one.high is None:
        told = f"{remain}; the difference has no interval on them."
    else:
        told = (
            f"{one.metric} is {number(one.second)}, the champion's ({one.against}) {number(one.first)}; the difference "
            f"lies between {one.low:+.4g} and {one.high:+.4g} ({check.confidence:.0%}), at least {-check.margin:g} "
            f"expected. {remain}."
        )
    champion = facts.champion
    proof = facts.candidate.proof(predictions_file(one.variant))
    if champion is not None:
        proof |= {f"champion {name}": digest for name, digest in champion.proof(predictions_file(one.against)).items()}
    return Checked(
        gate="against-champion",
        name=name,
        state=state_of(passed=decided),
        value=None if one.first is None or one.second is None else one.second - one.first,
        limit=-check.margin,
        low=one.low,
        high=one.high,
        units=one.units,
        variant=one.variant,
        sentence=told,
        evidence=proof,
    )
