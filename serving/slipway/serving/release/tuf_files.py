"""A channel's metadata in its store: one file for each version of each role, bound once.

`metadata/<version>.<role>.json` never changes. Timestamps have such files too, so that two who sign at once agree on an
order; `metadata/timestamp.json`, which devices ask for, is a copy of the newest one.
"""

import contextlib
from dataclasses import dataclass
from typing import Any, Final

from tuf.api.metadata import Metadata
from tuf.api.serialization import DeserializationError

from slipway.platform.errors import SlipwayError
from slipway.platform.store import ObjectMissing, Store
from slipway.serving.channel import limits
from slipway.serving.channel.paths import METADATA

TIMESTAMP_KEY: Final = f"{METADATA}/timestamp.json"


LARGEST: Final = {
    "root": limits.LARGEST_ROOT,
    "snapshot": limits.LARGEST_SNAPSHOT,
    "timestamp": limits.LARGEST_TIMESTAMP,
}


class BadChannel(SlipwayError):
    """What lies in the channel's store is not what its keys have signed."""


def key_of(role: str, version: int) -> str:
    """Where a version of a role lies."""
    return f"{METADATA}/{version}.{role}.json"


@dataclass(frozen=True)
class Document:
    """Metadata as it lies in the store, or is about to."""

    role: str
    version: int
    data: bytes
    metadata: Metadata[Any]

    @property
    def key(self) -> str:
        """Where it lies."""
        return key_of(self.role, self.version)

    @property
    def signed(self) -> Any:  # noqa: ANN401 - Root, Targets, Snapshot or Timestamp, as the role says
        """What is signed."""
        return self.metadata.signed


def parse(role: str, data: bytes) -> Document | None:
    """The metadata in these bytes, if they are any, of that role, and within what devices read."""
    if len(data) > largest(role):
        return None
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(data)
    except DeserializationError:
        return None
    kind = role if role in {"root", "snapshot", "timestamp"} else "targets"
    if metadata.signed.type != kind or metadata.signed.version > limits.MOST:
        return None
    return Document(role, metadata.signed.version, data, metadata)


def largest(role: str) -> int:
    """How many bytes devices read of a role."""
    return LARGEST.get(role, limits.LARGEST_TARGETS)


class Files:
    """Reads and binds metadata."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def data(self, key: str) -> bytes | None:
        """An object, if there is one; no more of it than makes it too large for any role."""
        with contextlib.suppress(ObjectMissing):
            return self.store.open_range(key, 0, limits.LARGEST_TARGETS + 1)
        return None

    def listed(self) -> list[str]:
        """The keys of all metadata."""
        return list(self.store.list(f"{METADATA}/"))

    def bind(self, document: Document) -> bool:
        """Whether this is now, or was already, that version."""
        return self.store.put_if_absent(document.key, document.data) == document.data
