"""Where it comes from: did the data that it learned from pass validation, and is it judged on what it has seen?"""

from typing import Final, Literal

from slipway.platform.models.gates import Check, DataVerdict, Leakage
from slipway.platform.registry.verdict import Checked
from slipway.training.gates.checks.common import state_of, unmeasured
from slipway.training.gates.evidence import DataSaid, Facts

SHOWN: Final = 12
TOLD: Final = 3


def data_verdict(check: DataVerdict, said: DataSaid) -> Checked:
    """What validation says of the training's snapshot."""
    name = "the training's data passed validation"
    if said.snapshot is None:
        return _unknown(check, "data", name, "It was made elsewhere: nobody here has validated what it learned from.")
    if not said.found:
        short = said.snapshot[:SHOWN]
        why = f"The snapshot {short} was never validated: `slipway data validate {short}`."
        return unmeasured(check, "data", name, why)
    many = check.warnings is not None and said.warnings > check.warnings
    told = f"The snapshot {said.snapshot[:SHOWN]} has {_counted(said.warnings, 'warning')}"
    if said.failures:
        told += f" and {_counted(len(said.failures), 'blocking finding')}, first: {said.failures[0].rstrip('.')}"
    if many:
        told += f"; expected are at most {check.warnings}"
    return Checked(
        gate="data",
        name=name,
        state=state_of(passed=said.passed and not many),
        value=float(said.warnings),
        limit=None if check.warnings is None else float(check.warnings),
        sense="most",
        sentence=f"{told}.",
        evidence=said.evidence,
    )


def leakage(check: Leakage, facts: Facts) -> Checked:
    """Whether rows that are judged, their individuals or their days were trained on."""
    name = "it is judged on nothing that it has seen"
    lineage = facts.lineage
    if not lineage.known:
        return _unknown(check, "leakage", name, lineage.why)
    found = list(lineage.seen.items())
    told = "; ".join(f"{sample[:SHOWN]}: {what}" for sample, what in found[:TOLD])
    of = f"{facts.candidate.report.rows:,} rows of the evaluation"
    sentence = f"None of the {of} was trained on, nor their individuals and days."
    if found:
        sentence = f"{len(found):,} of the {of} were seen in training: {told}."
    return Checked(
        gate="leakage",
        name=name,
        state=state_of(passed=not found),
        value=float(len(found)),
        limit=0.0,
        sense="most",
        units=facts.candidate.report.rows,
        sentence=sentence,
        evidence={"snapshots": " ".join(lineage.snapshots)} if lineage.snapshots else {},
    )


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"


def _unknown(check: Check, gate: Literal["data", "leakage"], name: str, why: str) -> Checked:
    """No device can find that out; who takes what comes from elsewhere declares it."""
    if check.when_unavailable == "fail":
        told = f"{why} Whoever accepts that declares `{gate}: {{when_unavailable: prove-on-device}}` in model.yaml."
        return Checked(gate=gate, name=name, state="failed", sentence=told)
    return Checked(gate=gate, name=name, state="prove-on-device", sentence=f"{why} The declaration accepts that.")
