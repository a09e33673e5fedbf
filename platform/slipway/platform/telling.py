"""Quantities in words for people: how long, how much money."""

from decimal import Decimal
from typing import Final

_MINUTE: Final = 60
_HOURS: Final = 48
_TENTH: Final = Decimal("0.1")


def duration(seconds: float) -> str:
    """Seconds, to what matters of them."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    if hours >= _HOURS:
        return f"{hours // 24} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def ended(cause: str | None, reason: str) -> str:
    """How something ended, in a line: its cause, unless the reason says that already."""
    line = reason.splitlines()[0] if reason else ""
    return f"{cause}: {line}" if cause and not line.lower().startswith(cause) else line


def money(amount: Decimal, currency: str) -> str:
    """An amount with its currency: to a cent, or to less where it is a few cents."""
    digits = 2 if amount == 0 or abs(amount) >= _TENTH else 4
    return f"{currency} {amount:,.{digits}f}".strip()
