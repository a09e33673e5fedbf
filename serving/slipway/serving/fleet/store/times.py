"""Moments as the tables have them: whole milliseconds since 1970 in UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
_BEGIN: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(milliseconds=1)


def stamp(moment: datetime) -> int:
    """The number of a moment."""
    return (moment - _BEGIN) // _TICK


def moment(number: int) -> datetime:
    """The moment of a number."""
    return _BEGIN + number * _TICK


def moment_or_none(number: int | None) -> datetime | None:
    """The same where there is one."""
    return None if number is None else moment(number)
