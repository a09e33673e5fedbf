"""The ledger as one file that can be carried away and verified without a store.

Lines of JSON: a heading (format, store, when, number of entries, head, people), one envelope a line as it lies in the
store, and at the end the sha256 of all lines before. The envelopes prove themselves to whoever trusts the people's
keys. The heading is signed by nobody: it says whom the exporter trusted, and where the list ended then; who has a
people file or a noted head from elsewhere holds the export against those.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, ValidationError

from slipway.platform.canonical import canonical
from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.identity import People, Person
from slipway.platform.ledger.checking import Kind, Problem
from slipway.platform.ledger.heads import Head
from slipway.platform.runs.records import Record

FORMAT: Final = "slipway ledger 1"
NAME: Final = "ledger.jsonl"
"""In a folder, where one is named instead of a file."""


class Heading(Record):
    """The first line."""

    format: str = FORMAT
    store: str
    exported: AwareDatetime
    count: int
    head: Head | None = None
    people: tuple[Person, ...] = ()


@dataclass(frozen=True)
class Export:
    """A file that was read. `problems` are those of the file around the envelopes."""

    heading: Heading | None
    envelopes: tuple[bytes, ...]
    problems: tuple[Problem, ...]


def export_path(place: Path) -> Path:
    """The file that a person means: the one named, or the usual one in a folder."""
    return place / NAME if place.is_dir() else place


def write_export(path: Path, envelopes: Sequence[bytes], heading: Heading) -> None:
    """Write it as a whole, or not at all."""
    first = canonical(heading.model_dump(mode="json", by_alias=True, exclude_none=True))
    data = b"".join(line + b"\n" for line in (first, *envelopes))
    last = canonical({"sha256": hashlib.sha256(data).hexdigest()})
    try:
        _write(path, data + last + b"\n")
    except OSError as error:
        raise SlipwayError(f"The export cannot be written to {path}: {error.strerror}.") from error


def read_export(path: Path) -> Export:
    """A file as far as it can be read; what is wrong with it is told, and does not end the reading."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WrongUse(
            f"There is no export of the ledger at {path}: {error.strerror}.", mend="`slipway ledger export` writes one."
        ) from None
    lines = data.removesuffix(b"\n").split(b"\n")
    problems = []
    heading = _heading(lines[0])
    if heading is None:
        problems.append(Problem(0, Kind.EXPORT, "the heading of the export cannot be read"))
    envelopes = lines[1:]
    total = _sum(envelopes[-1]) if envelopes else None
    if envelopes and (total is not None or (heading is not None and len(envelopes) > heading.count)):
        envelopes.pop()
    if total is None or total != hashlib.sha256(data[: data.rfind(b'{"sha256":')]).hexdigest():
        problems.append(Problem(0, Kind.EXPORT, "the export is not what was written: its last line does not fit it"))
    return Export(heading, tuple(envelopes), tuple(problems))


def noted_in(export: Export) -> Iterator[tuple[Head, str]]:
    """The head that the heading names."""
    if export.heading is not None and export.heading.head is not None:
        yield export.heading.head, "the export's heading"


def people_in(export: Export, path: Path) -> People:
    """Whom the exporter trusted."""
    if export.heading is None:
        raise WrongUse(
            f"The heading of {path} cannot be read, which says whose keys to trust.",
            mend="Name a people file that you trust: --people FILE.",
        )
    return People(export.heading.people, f"the heading of {path}")


def _heading(line: bytes) -> Heading | None:
    try:
        heading = Heading.model_validate_json(line)
    except ValidationError:
        return None
    return heading if heading.format == FORMAT else None


def _sum(line: bytes) -> str | None:
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return str(fields["sha256"]) if isinstance(fields, dict) and set(fields) == {"sha256"} else None


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
