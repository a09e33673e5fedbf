"""What a table of runs says of one piece of work: read from its record, and kept beside it so that it is read at once.

An entry of work that has ended says how it ended and stays true until somebody starts the work again. Of work that is
under way it says only what was true when it was written: whoever shows it looks again.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from slipway.platform.runs.layout import WorkKeys, job_key
from slipway.platform.runs.names import load_name
from slipway.platform.runs.records import AttemptSpec, Cause, Outcome, Record, Result, State
from slipway.platform.runs.results import load_evaluation
from slipway.platform.runs.standing import DEADLINE, Here, Standing, numbers, standing
from slipway.platform.store import ObjectMissing, Store

GOES_ON: Final = frozenset({Cause.LOST, Cause.STALLED, Cause.EVICTED})
"""Ends of an attempt after which somebody takes the work up again, or decides that nobody does."""
_FARTHEST: Final = 9_999_999_999
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._+@-]")


class Entry(Record):
    """One run, as a table shows it."""

    key: str
    name: str
    model: str
    kind: str = "train"
    team: str = ""
    person: str
    """Who started the last attempt."""
    state: State
    cause: Cause | None = None
    reason: str = ""
    attempt: int
    """The last one's number."""
    target: str = "local"
    where: str = ""
    nodes: int = 1
    created: datetime
    """Of the last attempt."""
    ended: datetime | None = None
    """Of the last attempt; None as long as it has no outcome, and then its state is to be looked at again."""
    seconds: float = 0.0
    """Of all attempts that have ended."""
    working: float = 0.0
    """Of them, those between the first step and the end."""
    waited: float | None = None
    """Seconds between claiming the last attempt and its process."""
    headline: str = ""
    """The name of the metric that counts."""
    value: float | None = None
    cost: Decimal = Decimal(0)
    currency: str = ""
    epochs: int = 0
    note: str = ""

    @property
    def over(self) -> bool:
        """Whether nobody has anything to do with it any more."""
        return self.ended is not None and self.cause not in GOES_ON

    @property
    def place(self) -> str:
        """Where it stands in the index."""
        return place_of(self.created, self.name)


def place_of(created: datetime, name: str) -> str:
    """Sorts the latest first, in folders of about a quarter of an hour; no folder has more than a thousand others."""
    moment = created.timestamp()
    left = f"{_FARTHEST - int(moment):010d}"
    thousandths = 999 - int(moment % 1 * 1000)
    return f"{left[:4]}/{left[4:7]}/{left[7:]}{thousandths:03d}-{name}.json"


def segment(text: str) -> str:
    """A person, a team or a model as a part of a key, whatever it is written with."""
    safe = _UNSAFE.sub(lambda found: f"={ord(found[0]):x}=", text)
    return safe if safe[:1].isalnum() and safe.isascii() else f"_{safe}"


def entry_of(store: Store, key: str, here: Here | None = None) -> Entry | None:
    """What is to be said of the work now; nothing of work that nobody has begun."""
    return entry_for(store, standing(store, key, here, DEADLINE))


def entry_for(store: Store, now: Standing) -> Entry | None:
    """The same of work that has been looked at."""
    key, spec = now.key, now.spec
    if spec is None or now.state is None:
        return None
    ends = _ends(store, key, now)
    costs = [one for one in ends if one.cost]
    last = now.outcome
    config = _config(store, spec)
    headline, value = _headline(store, now.result)
    return Entry(
        key=key,
        name=spec.name,
        model=_model(store, spec, key),
        kind=spec.kind,
        team=spec.team,
        person=spec.submitted_by,
        state=now.state,
        cause=last.cause if last and now.state is last.state else None,
        reason=now.reason,
        attempt=now.number,
        target=spec.place.target,
        where=now.place.where,
        nodes=int(config.get("nodes", 1)),
        created=spec.created,
        ended=last.ended if last else None,
        seconds=sum(one.seconds for one in ends),
        working=now.result.seconds if now.result else 0.0,
        waited=_waited(store, now),
        headline=headline,
        value=value,
        cost=sum((one.cost for one in costs), Decimal(0)),
        currency=costs[-1].currency if costs else "",
        epochs=int(config.get("config", {}).get("trainer", {}).get("max_epochs", 0)),
        note=spec.note,
    )


def _ends(store: Store, key: str, now: Standing) -> Sequence[Outcome]:
    """How the attempts ended that did."""
    earlier = [
        Outcome.load(store, WorkKeys(key).attempt(number).outcome)
        for number in (numbers(store, key) if now.number > 1 else ())
        if number != now.number
    ]
    return [one for one in (*earlier, now.outcome) if one is not None]


def _model(store: Store, spec: AttemptSpec, key: str) -> str:
    """By the record of its name, which is smaller than the parts."""
    record = load_name(store, spec.name)
    return record.model if record is not None and record.key == key else ""


def _config(store: Store, spec: AttemptSpec) -> Mapping[str, Any]:
    """What a launcher's process was told, as plain data: an entry needs three numbers of it."""
    if not spec.job:
        return {}
    try:
        found: Mapping[str, Any] = json.loads(store.get(job_key(spec.job)))
    except ObjectMissing:
        return {}
    return found


def _headline(store: Store, result: Result | None) -> tuple[str, float | None]:
    """The metric that counts, and its value."""
    try:
        judged = load_evaluation(store, result).get("evaluation", {})
    except ObjectMissing:
        return "", None
    name = judged.get("headline")
    return (name, judged.get("overall", {}).get(name, {}).get("value")) if name else ("", None)


def _waited(store: Store, now: Standing) -> float | None:
    """By the store's clock."""
    if now.begun is None:
        return None
    keys = WorkKeys(now.key).attempt(now.number)
    return max(0.0, round((store.age(keys.spec) - store.age(keys.begun)).total_seconds(), 1))
