"""Content against its name: one place where digests are computed and compared.

Objects whose key names no digest pass unchecked here; whoever owns those names verifies them.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from slipway.platform.errors import WrongUse
from slipway.platform.store.errors import DigestMismatch, local_file_error
from slipway.platform.store.keys import digest_named_by

CHUNK = 1024 * 1024
_WRONG_SOURCE = "Nothing was stored. Name the object by the digest of what is sent, or send the content that was meant."
_DAMAGED = (
    "The stored object, or the copy on its way here, is damaged. Try again; if it stays so, store the object anew."
)


def check_outgoing(key: str, data: bytes) -> None:
    """Refuse bytes that are not what `key` says, before anything is written."""
    _compare(key, lambda: _sha256(data), place="what should be stored", mend=_WRONG_SOURCE)


def check_outgoing_file(key: str, sha256: Callable[[], str], path: Path) -> None:
    """The same for a file, whose digest is computed only if the key names one."""
    _compare(key, sha256, place=str(path), mend=_WRONG_SOURCE)


def check_incoming(key: str, data: bytes, url: str) -> None:
    """Refuse bytes that were read and are not what `key` says."""
    _compare(key, lambda: _sha256(data), place=f"the store {url}", mend=_DAMAGED)


def check_incoming_file(key: str, path: Path, url: str) -> None:
    """The same for a file that was fetched."""
    _compare(key, lambda: _file_sha256(path), place=f"the store {url}", mend=_DAMAGED)


def checked_chunks(key: str, chunks: Iterable[bytes], path: Path) -> Iterator[bytes]:
    """The chunks of `path` unchanged; after the last one, refuse them all if they are not what `key` says."""
    total = hashlib.sha256()
    names_content = digest_named_by(key) is not None
    for chunk in chunks:
        if names_content:
            total.update(chunk)
        yield chunk
    check_outgoing_file(key, total.hexdigest, path)


def check_range(key: str, start: int, length: int) -> None:
    """Refuse a range that counts backwards."""
    if start < 0 or length < 0:
        raise WrongUse(
            f"No range of `{key}` starts at {start} and has {length} bytes.", mend="Neither may be below zero."
        )


def _compare(key: str, found: Callable[[], str], *, place: str, mend: str) -> None:
    expected = digest_named_by(key)
    if expected is None:
        return
    digest = found()
    if digest != expected:
        raise DigestMismatch.of(key, place=place, expected=expected, found=digest, mend=mend)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _file_sha256(path: Path) -> str:
    with local_file(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def small_file(path: Path, limit: int) -> bytes | None:
    """The content of a file of at most `limit` bytes, None for a larger one."""
    with local_file(path), path.open("rb") as file:
        data = file.read(limit + 1)
    return data if len(data) <= limit else None


def file_chunks(path: Path) -> Iterator[bytes]:
    """The content of a file, in pieces."""
    with local_file(path), path.open("rb", buffering=0) as file:
        yield from descriptor_chunks(file.fileno())


@contextmanager
def local_file(path: Path) -> Iterator[None]:
    """Errors of a file outside the store are its own, not the store's."""
    try:
        yield
    except OSError as error:
        raise local_file_error(error, path) from error


def descriptor_chunks(descriptor: int) -> Iterator[bytes]:
    """What is left to read of an open file, in pieces."""
    while chunk := os.read(descriptor, CHUNK):
        yield chunk
