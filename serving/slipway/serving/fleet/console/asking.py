"""What a page is asked, read out of its address; what cannot be meant is refused with what would have been right."""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from fastapi import Request

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.serving.channel.limits import MOST

LONGEST: Final = 160
"""Characters of a value; a decision's id has up to 110."""
YEARS: Final = (1970, 9000)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class NotThere(WrongUse):
    """Nothing has that name."""


class Asked:
    """The question of an address; an empty value counts as none."""

    def __init__(self, request: Request, *names: str) -> None:
        self._values = {name: value for name, value in request.query_params.items() if value.strip()}
        for name in request.query_params:
            if name not in names:
                there = f"There are: {', '.join(names)}." if names else "It takes none."
                raise WrongUse(f"This page has no filter `{_short(name)}`.", mend=suggestion(name, names) or there)

    def text(self, name: str) -> str:
        """Whatever was written, in one line; empty where nothing was."""
        value = self._values.get(name, "").strip()
        if len(value) > LONGEST or not value.isprintable():
            raise _wrong(name, value, f"at most {LONGEST} printable characters")
        return value

    def name(self, name: str) -> str | None:
        """A name, as sites, classes, cohorts, models and devices have them."""
        value = self.text(name)
        if value and not _NAME.fullmatch(value):
            raise _wrong(name, value, "a name: small letters, digits, `-`, `_` and `.`")
        return value or None

    def number(self, name: str, most: int = MOST) -> int | None:
        """A whole number from 1 on."""
        value = self.text(name)
        if not value:
            return None
        if not (value.isascii() and value.isdecimal()) or len(value) > len(str(most)) or not 1 <= int(value) <= most:
            raise _wrong(name, value, "a whole number from 1 on")
        return int(value)

    def choice(self, name: str, known: Collection[str]) -> str | None:
        """One of those that there are."""
        value = self.text(name)
        if value and value not in known:
            raise _wrong(name, value, f"one of {', '.join(known)}")
        return value or None

    def moment(self, name: str, now: datetime) -> datetime | None:
        """A day or a moment that is past, in UTC unless it says otherwise; a day is meant to its end."""
        value = self.text(name)
        if not value:
            return None
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            raise _wrong(name, value, f"a day or a moment, such as {now:%Y-%m-%d} or {now:%Y-%m-%dT%H:%M}") from None
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        if not YEARS[0] < found.year < YEARS[1] or found > now:
            raise _wrong(name, value, f"a moment that is past, such as {now:%Y-%m-%d}")
        whole_day = "T" not in value and " " not in value
        return min(now, found.replace(hour=23, minute=59, second=59)) if whole_day else found

    def as_written(self, *names: str) -> dict[str, str]:
        """What was written in each of these, for a form that shows it again."""
        return {name: self._values.get(name, "").strip() for name in names}


def _wrong(name: str, value: str, expected: str) -> WrongUse:
    return WrongUse(f"`{name}` is {_short(value)!r}.", mend=f"Expected {expected}.")


def _short(value: str) -> str:
    return value if len(value) <= LONGEST // 2 else f"{value[: LONGEST // 2]}…"
