"""What every store does, whatever it is made of.

* `put` and `put_file` replace an object as a whole: readers see the old content or the new one, never a part, also when
  the writer is killed.
* `put_if_absent` binds a key once. It returns the bytes that are stored: equal to what was offered means won. A writer
  that must tell its own win from an equal one puts a nonce into the bytes.
* What a call has returned from is on disk, or committed by the server.
* `age` is measured by the store's own clock, never by this machine's.
* `list` gives keys in the order of their bytes.

Keys and content names: see `keys`. Small objects travel as bytes in memory, large ones through `put_file` and
`get_file`, which need memory for a few pieces only. Every method raises
`BadKey` for a key that breaks a rule and a `StoreError` for what the store cannot do.

Stores differ in one point: a directory cannot hold both `a` and `a/b` and refuses the second with `BadKey`; S3 holds
both, because finding out would cost two requests for each write and would still race. Code that relies on it fails on
a directory first, which is what everybody's local context is.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol


class Store(Protocol):
    """Objects by key, in a directory or a bucket; safe to use from several threads and processes at once."""

    @property
    def url(self) -> str:
        """Where it is, as a person would write it in the settings."""

    def get(self, key: str) -> bytes:
        """The whole content, checked against the name where that is a digest."""

    def put(self, key: str, data: bytes) -> None:
        """Create the object or replace it as a whole."""

    def put_if_absent(self, key: str, data: bytes) -> bytes:
        """Create the object unless there is one; either way the bytes that are stored."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin with `prefix`, sorted; any beginning of a key will do, not only whole segments."""

    def open_range(self, key: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start`; fewer at the end of the object, none past it."""

    def size(self, key: str) -> int:
        """The number of bytes."""

    def age(self, key: str) -> timedelta:
        """How long ago the object was written, by the store's clock; never negative."""

    def put_file(self, key: str, path: Path) -> None:
        """Create or replace the object with a file's content; S3 goes on where a killed call stopped."""

    def get_file(self, key: str, path: Path) -> None:
        """Create or replace a file with the object's content; goes on where a killed call stopped."""

    def delete(self, key: str) -> None:
        """Remove the object; removing what is not there is fine."""
