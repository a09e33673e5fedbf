"""What fetching may cost: a transport that keeps to the device's budget, whatever reads from it.

It spreads bytes over time (bandwidth) and stops files of bundles once the day's bytes are spent; metadata and pointers,
which are small, still come, so that a device knows what it will fetch tomorrow. What was spent stands in `spent.json`,
for every few megabytes: a power cut forgets no more than those.
"""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from slipway.serving.bundle.contract import Part
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.reading import read_plain
from slipway.serving.channel.paths import METADATA, TARGETS
from slipway.serving.channel.transport import TransferFailed, Transport
from slipway.serving.edge.agent.ports import Clock
from slipway.serving.edge.configuration import Budget, Home
from slipway.serving.edge.polling import Spent

SPENT: Final = "spent.json"
NOTED_EVERY: Final = 4 * 1024 * 1024
LARGEST_SPENT: Final = 1024
_SMALL: Final = (METADATA + "/", f"{TARGETS}/channels/")
"""Never stopped; bounded by who reads them."""
_BURST_S: Final = 0.25
"""Shorter debts of time are carried on instead of waited for."""


class BudgetSpent(TransferFailed):
    """No more bytes today."""


class Stopped(TransferFailed):
    """Somebody asked the agent to stop."""


class Meter:
    """The device's budget, and what of it is left."""

    def __init__(self, home: Home, budget: Budget, clock: Clock) -> None:
        self._home, self._budget, self._clock = home, budget, clock
        self._spent = _read(home.folder / SPENT, clock.now())
        self._noted = self._spent
        self._free_at = clock.monotonic()

    @property
    def spent(self) -> Spent:
        """So far today."""
        self._spent = self._spent.on(self._clock.now())
        return self._spent

    def through(self, transport: Transport) -> Transport:
        """The same transport, within the budget."""
        return _Metered(transport, self)

    def check(self, place: str) -> None:
        """Refuse to begin when nothing is left."""
        if self.spent.left(self._budget) == 0:
            raise BudgetSpent(
                f"{self._spent.bytes:,} bytes were fetched today, of {self._budget.bytes_per_day:,} that this device "
                f"may fetch a day from {place}.",
                mend="It goes on tomorrow (UTC).",
            )

    def count(self, number: int) -> None:
        """Count bytes that have come, and wait until the line may be used again."""
        self._spent = self.spent.plus(number)
        if self._spent.day != self._noted.day or self._spent.bytes - self._noted.bytes >= NOTED_EVERY:
            self.note()
        if self._budget.bytes_per_second is None:
            return
        now = self._clock.monotonic()
        self._free_at = max(self._free_at, now) + number / self._budget.bytes_per_second
        if self._free_at - now > _BURST_S and self._clock.wait(self._free_at - now):
            raise Stopped("The agent was asked to stop.")

    def note(self) -> None:
        """Write down what was spent; a full disk is no reason to fetch nothing."""
        if self._budget.bytes_per_day is None or self._spent == self._noted:
            return
        self._noted = self._spent
        noted = _Noted(day=self._spent.day, fetched=self._spent.bytes)
        try:
            self._home.write(SPENT, noted.model_dump_json().encode())
        except OSError:
            return


class _Metered:
    """A transport within a budget."""

    def __init__(self, transport: Transport, meter: Meter) -> None:
        self._transport, self._meter = transport, meter

    @property
    def place(self) -> str:
        return self._transport.place

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        large = not path.startswith(_SMALL)
        if large:
            self._meter.check(self.place)
        try:
            for piece in self._transport.open(path, start):
                self._meter.count(len(piece))
                yield piece
                if large:
                    self._meter.check(self.place)
        finally:
            self._meter.note()


class _Noted(Part):
    """`spent.json`."""

    day: date
    fetched: int = Field(ge=0)


def _read(path: Path, now: datetime) -> Spent:
    """What was noted; nothing where that cannot be read, since it is only a budget."""
    try:
        noted = _Noted.model_validate_json(read_plain(path, LARGEST_SPENT))
    except (BadBundle, ValidationError, RecursionError):
        return Spent(now.date())
    return Spent(noted.day, noted.fetched).on(now)
