"""What the last look at a model in the field came to, and the alarms that were raised: records of the store.

    watching/<model>/look.json              the last look; the next one takes its place
    watching/<model>/alarms/<bundle>/<n>.json   bound once, so that of two looks at once one raises the alarm

A look counts for a model as long as the bundle that it was at is the model's champion: drift is answered by another
champion, and nobody has to take it back.
"""

from datetime import datetime
from typing import Final

from pydantic import AwareDatetime

from slipway.platform.runs.errors import RecordDamaged
from slipway.platform.runs.records import Record
from slipway.platform.store import Store

FOLDER: Final = "watching"
WIDTH: Final = 4


class Look(Record):
    """How a model stood in the field at one moment."""

    model: str
    bundle: str
    release: int
    at: AwareDatetime
    drift: bool
    line: str
    """What was found, in a sentence."""
    task: str = ""
    """The labelling task that was opened for it, by its whole name."""


class Alarm(Record):
    """Drift that somebody was told of."""

    model: str
    bundle: str
    release: int
    number: int
    at: AwareDatetime
    line: str
    since: str
    """The first day of those that were looked at."""

    @property
    def cause(self) -> str:
        """What tells it from every other occasion, in a labelling task."""
        return f"drift {self.at:%Y-%m-%d} {self.bundle[:12]} {self.number}"


def load_look(store: Store, model: str) -> Look | None:
    """The last one; a damaged one is none, for the next takes its place."""
    try:
        return Look.load(store, f"{FOLDER}/{model}/look.json")
    except RecordDamaged:
        return None


def save_look(store: Store, look: Look) -> None:
    """From now on it is the last."""
    store.put(f"{FOLDER}/{look.model}/look.json", look.to_bytes())


def last_alarm(store: Store, model: str, bundle: str) -> Alarm | None:
    """The newest of a bundle."""
    keys = sorted(store.list(f"{FOLDER}/{model}/alarms/{bundle}/"))
    return Alarm.load(store, keys[-1]) if keys else None


def bind_alarm(store: Store, alarm: Alarm) -> Alarm:
    """Raise it; the one that counts, which is another's where that was quicker."""
    key = f"{FOLDER}/{alarm.model}/alarms/{alarm.bundle}/{alarm.number:0{WIDTH}d}.json"
    return alarm.bind(store, key)


def days_since(alarm: Alarm, now: datetime) -> float:
    """How long ago it was raised."""
    return (now - alarm.at).total_seconds() / 86_400
