"""What all checks share: which variants they hold for, what a value is worth, and what happens where there is none."""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from slipway.platform.models.gates import Check
from slipway.platform.models.schema import Declaration
from slipway.platform.registry.verdict import Checked, Gate, State
from slipway.serving.bundle.manifest import Manifest
from slipway.training.evaluation.judged import Evaluation, Measure

SLICE_PREFIX: Final = "slice_"
Sense = Literal["least", "most"]


def state_of(*, passed: bool) -> State:
    """In a word."""
    return "passed" if passed else "failed"


def unmeasured(check: Check, gate: Gate, name: str, why: str, **more: object) -> Checked:
    """A check that could not be made; the declaration says what becomes of it."""
    proven = check.when_unavailable == "prove-on-device"
    told = f"{why} It is left to the device to prove." if proven else why
    state: State = "prove-on-device" if proven else "failed"
    return Checked.model_validate({"gate": gate, "name": name, "state": state, "sentence": told, **more})


def devices_of(declaration: Declaration, manifest: Manifest) -> Iterator[str]:
    """The device classes that are judged: those declared, for a bundle from elsewhere those that it is meant for."""
    for name in declaration.devices:
        if not manifest.lineage.external or name in manifest.devices:
            yield name


def asked_variants(declaration: Declaration, manifest: Manifest) -> tuple[str, ...]:
    """The bundle's variants that some device class may run, each once."""
    wanted = [one for name in devices_of(declaration, manifest) for one in declaration.devices[name].variants]
    return tuple(one for one in dict.fromkeys(wanted) if one in manifest.variants)


def fails(value: float, limit: float, sense: Sense) -> bool:
    """Whether a value is on the wrong side of its limit; what is no number is on no right side."""
    return not (value >= limit if sense == "least" else value <= limit)


def loss(before: float, after: float, metric: str, evaluation: Evaluation) -> float:
    """How much was lost; less than 0 is a gain."""
    return after - before if metric in evaluation.falling else before - after


def measures_of(evaluation: Evaluation, column: str | None, name: str | None) -> Mapping[str, Measure]:
    """The metrics of all units, or of a slice; nothing where there is no such slice."""
    if column is None:
        return evaluation.overall
    wanted = {column, SLICE_PREFIX + column}
    found = (one.measures for one in evaluation.slices if one.column in wanted and one.name == name)
    return next(found, {})


def lacking(metric: str, evaluation: Evaluation) -> str:
    """Why a metric cannot be looked up."""
    return f"The evaluation has no metric `{metric}`; it has {', '.join(evaluation.overall)}."


def number(value: float | None) -> str:
    """A value as a person reads it."""
    return "undefined" if value is None else f"{value:.4g}"


def spread(one: Measure) -> str:
    """A value with its interval."""
    if one.low is None or one.high is None:
        return number(one.value)
    return f"{number(one.value)} ({number(one.low)} to {number(one.high)})"


def limit_words(limit: float, sense: Sense) -> str:
    """A limit as a person reads it."""
    return f"at {sense} {limit:g}"
