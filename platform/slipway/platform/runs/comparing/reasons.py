"""Why a piece of work was run, was run again or was not: its attempts, and what tells it from other work.

The other work is what a person names, or else the run of the same model that differs least. Among equals it is the one
that was named last; so many of the latest are looked at and no more.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final

from slipway.platform.runs.comparing.differences import Difference, differences
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.find import load_parts, records_of
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import AttemptSpec, Outcome, State
from slipway.platform.runs.standing import Here, Standing, numbers, spec_of, standing
from slipway.platform.store import Store

LOOKED_AT: Final = 50
_PARALLEL: Final = 16
_Compared = tuple[str, list[Difference]]


@dataclass(frozen=True)
class Tried:
    """One attempt, and how it ended."""

    spec: AttemptSpec
    state: State
    reason: str
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Other:
    """Another piece of work, and all in which the first differs from it: before is the other's."""

    name: str
    key: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Reasons:
    """All that can be said about why."""

    name: str
    parts: Parts
    standing: Standing
    tried: tuple[Tried, ...]
    other: Other | None

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        other = self.other
        return {
            "name": self.name,
            "key": self.parts.key,
            "model": self.parts.model,
            "state": self.standing.state,
            "told": self.standing.told(),
            "next": next_start(self.standing),
            "attempts": [_told(one) for one in self.tried],
            "other": other
            and {
                "name": other.name,
                "key": other.key,
                "differences": [{**asdict(one)} for one in other.differences],
            },
        }


def reasons(store: Store, key: str, *, than: str | None = None, here: Here | None = None) -> Reasons:
    """What the record says about the work, against `than` or its nearest neighbour."""
    parts = load_parts(store, key)
    stands = standing(store, key, here)
    records = records_of(store)
    names = {record.key: record.name for record in reversed(records)}
    if than is not None:
        other: _Compared | None = (than, differences(load_parts(store, than), parts))
    else:
        alike = dict.fromkeys(record.key for record in records if record.model == parts.model)
        other = _nearest(store, parts, list(alike))
    return Reasons(
        name=stands.spec.name if stands.spec else names.get(key, key),
        parts=parts,
        standing=stands,
        tried=tuple(attempts_of(store, stands)),
        other=other and Other(names.get(other[0], other[0][:11]), other[0], tuple(other[1])),
    )


def next_start(stands: Standing) -> str:
    """What would happen if somebody started the same work now."""
    if stands.under_way:
        return "Starting the same work now attaches to this attempt."
    if stands.result is not None:
        return "Starting the same work now returns this result; `--again` makes another attempt."
    if stands.state is None:
        return "Starting it makes the first attempt."
    return f"Starting the same work now makes attempt {stands.number + 1}."


def attempts_of(store: Store, stands: Standing) -> list[Tried]:
    """All attempts, the first one first."""
    found = []
    for number in numbers(store, stands.key):
        spec = spec_of(store, stands.key, number)
        if spec is None:
            continue
        outcome = Outcome.load(store, WorkKeys(stands.key).attempt(number).outcome)
        last = number == stands.number
        if outcome is not None:
            found.append(Tried(spec, outcome.state, outcome.reason, outcome))
        elif last and stands.state is not None:
            found.append(Tried(spec, stands.state, stands.reason))
        elif stands.result is not None and stands.result.attempt == number:
            found.append(Tried(spec, State.DONE, "brought the result"))
        else:
            found.append(Tried(spec, State.LOST, "it ended without a word"))
    return found


def _nearest(store: Store, parts: Parts, keys: Sequence[str]) -> _Compared | None:
    """`keys` are sorted, the first one named last."""

    def compared(key: str) -> _Compared | None:
        try:
            return key, differences(load_parts(store, key), parts)
        except RunsError:
            return None  # named and never begun, or damaged

    others = list(islice((key for key in keys if key != parts.key), LOOKED_AT))
    with ThreadPoolExecutor(_PARALLEL) as pool:
        found = [one for one in pool.map(compared, others) if one]
    return min(found, key=lambda one: len(one[1]), default=None)


def _told(one: Tried) -> dict[str, Any]:
    return {
        "attempt": one.spec.number,
        "state": one.state,
        "reason": one.reason,
        "why": one.spec.why,
        "submitted_by": one.spec.submitted_by,
        "created": one.spec.created,
        "host": one.spec.place.host,
        "target": one.spec.place.target,
        "revision": one.spec.revision,
        "note": one.spec.note,
        "step": one.outcome.step if one.outcome else None,
        "seconds": one.outcome.seconds if one.outcome else None,
        "cause": one.outcome.cause if one.outcome else None,
        "memory_peak": one.outcome.memory_peak if one.outcome else None,
        "cost": str(one.outcome.cost) if one.outcome else None,
        "currency": one.outcome.currency if one.outcome else None,
    }
