"""Names of decisions: who decided, when, and with what, so that a decision leads back to everything behind it.

    20261129T004613123456Z.harbour-gate-3.0a722281.q7k2m9
    when, in UTC           device         bundle   process

They sort by time, stand in addresses as they are, and no two are the same: a process never uses a moment twice, and
draws its own last part. With a device's id of up to 36 characters they stay below 80, with the longest below 110.
"""

import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from slipway.serving.errors import WrongUse

PREFIX: Final = 8
"""Digits of the bundle's digest."""
DRAWN: Final = 6
LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
LONGEST: Final = 110
_FORM: Final = re.compile(
    r"(?P<at>\d{8}T\d{12})Z\.(?P<device>[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)\.(?P<bundle>[0-9a-f]{8})\.(?P<drawn>[0-9a-hjkmnp-tv-z]{6})"
)
_TIME: Final = "%Y%m%dT%H%M%S%f"
_TICK: Final = timedelta(microseconds=1)
_SET_BACK: Final = timedelta(seconds=1)
"""By less a clock is corrected as it runs."""


@dataclass(frozen=True)
class DecisionId:
    """What a name says."""

    at: datetime
    device: str
    bundle: str
    """The first digits of the digest of the bundle that decided."""
    drawn: str


def make_id(device: str, bundle: str, at: datetime, drawn: str) -> str:
    """The name of the decision that a device took at that moment with a bundle; `drawn` tells processes apart."""
    moment = at.astimezone(timezone.utc).strftime(_TIME)
    found = f"{moment}Z.{device}.{bundle[:PREFIX]}.{drawn}"
    if not _FORM.fullmatch(found):
        raise WrongUse(f"`{found}` is no decision id: device `{device}`, bundle `{bundle[:PREFIX]}`, `{drawn}`.")
    return found


def parse_id(text: str) -> DecisionId:
    """What the name of a decision says."""
    found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    at = _moment(found["at"]) if found else None
    if found is None or at is None:
        raise WrongUse(
            f"`{text[:LONGEST]}` is no decision id.",
            mend="It stands in a device's events, such as 20261129T004613123456Z.harbour-gate-3.0a722281.q7k2m9.",
        )
    return DecisionId(at, found["device"], found["bundle"], found["drawn"])


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


class Namer:
    """Names the decisions of one process, from any thread."""

    def __init__(self, device: str, now: Callable[[], datetime], draw: Callable[[], str] | None = None) -> None:
        self._device, self._now, self._draw = device, now, draw or _drawn
        self._last = datetime.fromtimestamp(0, timezone.utc)
        self._part = self._draw()
        self._lock = threading.Lock()
        make_id(device, "0" * PREFIX, self._last, self._part)  # a device that has no names is told now

    def name(self, bundle: str) -> str:
        """The name of a decision that is taken now. After the clock was set back, another last part is drawn."""
        with self._lock:
            now = self._now()
            if now < self._last - _SET_BACK:
                self._part = self._draw()
                self._last = now
            else:
                self._last = max(now, self._last + _TICK)
            return make_id(self._device, bundle, self._last, self._part)


def _drawn() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(DRAWN))
