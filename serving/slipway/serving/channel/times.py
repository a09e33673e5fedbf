"""What time it is on a device whose clock may be years off.

Device time is the newest of: what the agent says (its clock, or its enrolment), the date in the root, and the newest
date in a timestamp that was verified. So an expired signature stays expired, however far back the clock is set. That
last date is forgotten with the key that signed it (see `marks`): who steals the timestamp key and signs the far future
stops a device only until the root names another key. Nor can that date lie past the root's own expiry.
"""

from datetime import datetime, timezone
from typing import Final

from tuf.api.metadata import Root, Timestamp

from slipway.serving.channel.errors import Untrusted

SIGNED_AT: Final = "signed_at"
"""The field of root and timestamp that says when it was signed."""
FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"


def written(moment: datetime) -> str:
    """A date as metadata has it, in whole seconds."""
    return moment.astimezone(timezone.utc).strftime(FORMAT)


def signed_at(signed: Root | Timestamp) -> datetime:
    """When it says that it was signed."""
    found = signed.unrecognized_fields.get(SIGNED_AT)
    try:
        return datetime.strptime(str(found), FORMAT).replace(tzinfo=timezone.utc)
    except ValueError:
        raise Untrusted(f"The channel's {signed.type} has no `{SIGNED_AT}` like 2026-01-31T09:00:00Z.") from None


def believable(timestamp: Timestamp, root: Root) -> datetime:
    """The date of a timestamp, where the signed root allows it."""
    found = signed_at(timestamp)
    latest = min(root.expires, timestamp.expires)
    if found >= latest:
        raise Untrusted(
            f"The channel's timestamp says that it was signed at {written(found)}; expected before "
            f"{written(latest)}, when the root or itself expires.",
            mend="The timestamp key may be in wrong hands: `slipway channel rotate-key timestamp`.",
        )
    return found
