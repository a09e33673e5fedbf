"""When models may be exchanged at a site: windows of local time, as its configuration has them.

Where clocks go forward, a time that does not exist is the one an hour later; where they go back, a window begins with
the first of two equal times and ends with the second. A zone that is not known here counts as UTC.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from slipway.serving.channel.site import DAYS, SiteConfig, Window

WEEK: Final = 8
"""Days in which each window comes again."""
LATER_S: Final = 3600.0
"""At the end of time, where no window can be told."""


def zone_of(config: SiteConfig) -> tzinfo | None:
    """The site's zone; None where this machine does not know it."""
    if config.zone == "UTC":
        return timezone.utc
    try:
        return ZoneInfo(config.zone)
    except (KeyError, ValueError, OSError):
        return None


def swap_in(config: SiteConfig, moment: datetime) -> float:
    """Seconds from this moment until models may be exchanged; 0 where they may now."""
    if not config.windows:
        return 0.0
    zone = zone_of(config) or timezone.utc
    try:
        today = moment.astimezone(zone).date()
        spans = list(_spans(config, today, zone))
    except OverflowError:
        return LATER_S
    if any(begin <= moment < end for begin, end in spans):
        return 0.0
    return min(((begin - moment).total_seconds() for begin, _ in spans if begin > moment), default=LATER_S)


def _spans(config: SiteConfig, today: date, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
    for ahead in range(-1, WEEK + 1):
        day = today + timedelta(days=ahead)
        for window in config.windows:
            if DAYS[day.weekday()] in window.days:
                begin, end = _span(window, day, zone)
                if begin < end:
                    yield begin, end


def _span(window: Window, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    last = day + timedelta(days=1) if window.end < window.begin else day
    begin = datetime.combine(day, time.fromisoformat(window.begin), zone)
    end = datetime.combine(last, time.fromisoformat(window.end), zone)
    ends = (end.replace(fold=fold).astimezone(timezone.utc) for fold in (0, 1))
    return begin.astimezone(timezone.utc), max(ends)
