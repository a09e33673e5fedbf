"""The code archive: a tar of exactly the files that a code digest names, and nothing else.

The same files give the same bytes: sorted, without times, owners or links. The archive is scanned for secrets and kept
below a size before it is stored, because whoever may read the store may read it. What is unpacked is checked first as
a whole: the files' paths, bits and contents must give the digest that the archive is called by, so nobody can slip a
file in, leave one out or write outside the folder.
"""

import hashlib
import io
import os
import shutil
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from slipway.platform.runs.code.closure import Code
from slipway.platform.runs.code.secret_scan import refuse, scan
from slipway.platform.runs.errors import CodeDamaged, CodeTooLarge, RunsError
from slipway.platform.runs.layout import code_key
from slipway.platform.runs.parts import CodeFile, digest_of_code
from slipway.platform.store import ObjectMissing, Store

LIMIT: Final = 50_000_000
"""Bytes that the files of one archive may have together."""
_NAMED: Final = 5
_EXECUTABLE, _PLAIN = 0o755, 0o644
_DAMAGED: Final = "Delete the object and start the work again from the code: it stores the archive anew."


@dataclass(frozen=True)
class StoredCode:
    """An archive in the store."""

    digest: str
    size: int
    """Bytes of the archive."""
    files: int
    new: bool
    """Whether this call brought it there."""


def store_code(code: Code, store: Store, *, limit: int = LIMIT) -> StoredCode:
    """See that the archive is in the store; refuse secrets and what is too large."""
    key = code_key(code.digest)
    try:
        return StoredCode(code.digest, store.size(key), len(code.files), new=False)
    except ObjectMissing:
        data = archived(code, limit=limit)
    held = store.put_if_absent(key, data)
    if held != data:
        _contents(held, code.digest, key)
    return StoredCode(code.digest, len(held), len(code.files), new=True)


def archived(code: Code, *, limit: int = LIMIT) -> bytes:
    """The archive's bytes; refuses secrets, what is too large, and files that were changed since they were listed."""
    _check_size(code, limit)
    buffer = io.BytesIO()
    findings = []
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in code.files:
            data = code.sources[file.path].read_bytes()
            if hashlib.sha256(data).hexdigest() != file.sha256:
                raise RunsError(
                    f"{code.sources[file.path]} was changed while the work was started.", mend="Start again."
                )
            findings += scan(str(code.sources[file.path]), data)
            member = tarfile.TarInfo(file.path)
            member.size, member.mode = len(data), _EXECUTABLE if file.executable else _PLAIN
            tar.addfile(member, io.BytesIO(data))
    refuse(findings, "The code")
    return buffer.getvalue()


def fetch_code(digest: str, store: Store, folder: Path) -> None:
    """Put the files of an archive into a new folder, all or none."""
    key = code_key(digest)
    unpack(store.get(key), digest, folder, place=f"{key} in {store.url}")


def unpack(data: bytes, digest: str, folder: Path, *, place: str = "the code archive") -> None:
    """Check the whole archive against its name, then write it to a new folder, all or none."""
    contents = _contents(data, digest, place)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        for file, content in contents:
            target = beside / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(_EXECUTABLE if file.executable else _PLAIN)
        os.rename(beside, folder)  # noqa: PTH104 - replaces an empty folder and refuses a full one
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _contents(data: bytes, digest: str, place: str) -> list[tuple[CodeFile, bytes]]:
    """The files, if together they are what the digest names."""
    try:
        contents = list(_members(data, place))
    except tarfile.TarError as error:
        raise CodeDamaged(f"{place} is no tar archive ({error}).", mend=_DAMAGED) from None
    found = digest_of_code([file for file, _ in contents])
    if found != digest:
        raise CodeDamaged(f"{place} should hold the files of {digest}, found those of {found}.", mend=_DAMAGED)
    return contents


def _members(data: bytes, place: str) -> Iterator[tuple[CodeFile, bytes]]:
    seen: set[str] = set()
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            inside = path.parts and not path.is_absolute() and ".." not in path.parts and str(path) == member.name
            plain = member.isreg() and not member.issparse()  # a sparse one says its own size, however large
            content = tar.extractfile(member) if plain else None
            if content is None or not inside or not member.name.isprintable() or member.name in seen:
                raise CodeDamaged(
                    f"{place} holds `{member.name}`, which is no ordinary file inside it, or is there twice.",
                    mend=_DAMAGED,
                )
            seen.add(member.name)
            found = content.read()
            sha256 = hashlib.sha256(found).hexdigest()
            yield CodeFile(path=member.name, executable=bool(member.mode & 0o100), sha256=sha256), found


def _check_size(code: Code, limit: int) -> None:
    sizes = {path: source.stat().st_size for path, source in code.sources.items()}
    total = sum(sizes.values())
    if total <= limit:
        return
    largest = sorted(sizes, key=lambda path: -sizes[path])[:_NAMED]
    told = ", ".join(f"{code.sources[path]} ({sizes[path] / 1e6:.1f} MB)" for path in largest)
    raise CodeTooLarge(
        f"The code has {total / 1e6:.1f} MB, {limit / 1e6:.1f} MB are allowed. Largest: {told}.",
        mend="A model's folder holds code and configuration. Keep weights and data elsewhere and name them under "
        "`references`, or let .gitignore name what is no part of the model.",
    )
