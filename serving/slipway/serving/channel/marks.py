"""The highest versions of a channel's metadata that a device has verified, and the newest date.

python-tuf refuses a rollback by comparing with the files that it kept. These marks say the same once more, in one file
of their own, so that a single file that was torn or lost opens no way back: a damaged timestamp, snapshot or root is
fetched again and held against the marks, and damaged marks are made again from the files.

Marks count as long as the keys that vouched for them do. When a root replaces the keys of timestamp or snapshot, what
was learned under the old ones is forgotten, as TUF asks: else a thief of such a key could sign a version or a date so
high that honest ones are refused for ever.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from tuf.api.metadata import Role

from slipway.serving.channel.trust_folder import TrustFolder

NAME: Final = "marks.json"
LARGEST: Final = 64 * 1024

log = logging.getLogger(__name__)


class _Mark(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: frozenset[str]
    """Which keys had signed it."""

    def holds(self, role: Role) -> bool:
        """Whether these keys still suffice for that role."""
        return len(self.keys & set(role.keyids)) >= role.threshold


class TimestampMark(_Mark):
    """The newest timestamp."""

    version: int = Field(ge=1)
    snapshot: int = Field(ge=1)
    signed_at: AwareDatetime


class SnapshotMark(_Mark):
    """The newest snapshot: the version of each file that it lists."""

    versions: Mapping[str, int]


class Marks(BaseModel):
    """What was seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    root: int = Field(default=1, ge=1)
    timestamp: TimestampMark | None = None
    snapshot: SnapshotMark | None = None

    def newest_date(self, role: Role) -> datetime | None:
        """The date of the newest timestamp, while its keys hold that role."""
        mark = self.timestamp
        return mark.signed_at if mark is not None and mark.holds(role) else None


def read_marks(folder: TrustFolder) -> Marks:
    """What a device remembers; damaged marks are told and count as none."""
    try:
        data = folder.read(NAME)
        if data is None:
            return Marks()
        return Marks.model_validate_json(data[:LARGEST])
    except (OSError, ValidationError, ValueError) as error:
        log.warning("%s is damaged and is made again from the metadata beside it (%s)", folder.path / NAME, error)
        return Marks()


def write_marks(folder: TrustFolder, marks: Marks) -> None:
    """Remember."""
    folder.write(NAME, marks.model_dump_json(exclude_none=True).encode())
