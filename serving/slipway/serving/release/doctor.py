"""`slipway doctor` on the channel: a warning when half of a role's life is gone.

Installed under the entry-point group `slipway.checks`; python-tuf is imported only where there is a channel.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from slipway.platform.doctor.check import Finding, failed, ok, skipped, warning
from slipway.platform.store import ObjectMissing
from slipway.serving.release.places import channel_store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded
    from slipway.serving.release.inspecting import RoleStanding

NAME: Final = "channel"
FIRST_ROOT: Final = "metadata/1.root.json"


def channel(loaded: "Loaded") -> Iterator[Finding]:
    """Each role that should be renewed, with the days that are left and the command; else the first one to end."""
    quick = loaded.settings.store.model_copy(update={"attempts": 1, "timeout_seconds": 4.0})
    once = loaded.settings.model_copy(update={"store": quick})
    try:
        channel_store(replace(loaded, settings=once)).get(FIRST_ROOT)
    except ObjectMissing:
        yield skipped(NAME, f"none at {loaded.settings.channel.url}; `slipway channel init` begins one")
        return
    from slipway.serving.release.inspecting import standing_of, state_of
    from slipway.serving.release.remembering import went_back
    from slipway.serving.release.tuf_repository import TufRepository

    now = datetime.now(UTC)
    repository = TufRepository.open(loaded)
    standing = standing_of(repository)
    for line in (*went_back(loaded, state_of(repository)), *standing.remarks):
        yield warning(NAME, line, "slipway channel verify")
    late = [one for one in standing.roles if one.late(now)]
    yield from (_late(one, now) for one in late)
    if not standing.whole:
        yield warning(NAME, "devices see nothing yet: not everything was signed", "slipway channel sign")
    elif not late:
        first = min(standing.roles, key=lambda one: one.good_until)
        days = first.left(now).days
        yield ok(NAME, f"{standing.place}, good for {days} days (`{first.role}` ends first)")


def _late(one: "RoleStanding", now: datetime) -> Finding:
    who = "" if one.here else f"   # by {' or '.join(one.holders)}"
    mend = f"slipway channel keepalive{who}"
    if one.over(now):
        since = one.good_until.strftime("%Y-%m-%d")
        return failed(NAME, f"`{one.role}` ended on {since}: devices install nothing", mend)
    days = one.left(now).days
    return warning(NAME, f"`{one.role}` is good for {days} more days, less than half of its life", mend)
