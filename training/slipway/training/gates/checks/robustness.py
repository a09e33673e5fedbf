"""Does a disturbed image cost more than it may? For the variant that each device class likes best."""

from collections.abc import Iterator

from slipway.platform.models.gates import Robustness
from slipway.platform.registry.verdict import Checked
from slipway.training.gates.checks.common import lacking, limit_words, loss, number, state_of, unmeasured
from slipway.training.gates.evidence import Evidence
from slipway.training.gates.records import REPORT, Disturbance, Disturbed


def robustness(checks: tuple[Robustness, ...], evidence: Evidence, variants: tuple[str, ...]) -> Iterator[Checked]:
    """Each disturbance, variant by variant; a variant that nobody likes best was not disturbed."""
    measured = {(str(one.variant), one.disturbance): one for one in evidence.report.disturbed}
    chosen = [one for one in variants if one in {variant for variant, _ in measured}]
    for check in checks:
        disturbance = Disturbance(distortion=check.distortion, strength=check.strength)
        if not chosen:
            name = disturbance.words
            why = "No variant was run on disturbed images."
            yield unmeasured(check, "robustness", name, why, limit=check.most, sense="most")
        for variant in chosen:
            yield disturbed_by(check, measured[variant, disturbance], evidence)


def disturbed_by(check: Robustness, one: Disturbed, evidence: Evidence) -> Checked:
    """What it lost."""
    evaluation = evidence.evaluations[one.variant]
    metric = check.metric or evaluation.headline
    name = f"{metric} under {one.disturbance.words}, {one.variant}"
    before, after = one.clean.get(metric), one.disturbed.get(metric)
    if before is None or after is None or before.value is None or after.value is None:
        why = lacking(metric, evaluation)
        return unmeasured(check, "robustness", name, why, variant=one.variant, limit=check.most, sense="most")
    lost = loss(before.value, after.value, metric, evaluation)
    rows = f"{one.rows:,} of {evidence.report.rows:,} rows, evenly spread"
    return Checked(
        gate="robustness",
        name=name,
        state=state_of(passed=lost <= check.most),
        value=lost,
        limit=check.most,
        sense="most",
        units=before.units,
        variant=one.variant,
        sentence=f"{metric} goes from {number(before.value)} to {number(after.value)}, a loss of {number(lost)}; "
        f"expected is {limit_words(check.most, 'most')}. On {rows}.",
        evidence=evidence.proof(REPORT),
    )
