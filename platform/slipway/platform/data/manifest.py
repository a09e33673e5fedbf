"""The manifest: what a snapshot is made of. The sha256 of its canonical JSON is the snapshot's name.

It lists every other file with its size and sha256, how many rows the tables have, where the data came from and under
which licence it may be used. It holds no path outside the snapshot, no time of writing and no host: the same content
gives the same digest wherever it is put together.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from slipway.platform.canonical import canonical
from slipway.platform.data.errors import SnapshotDamaged, SnapshotMissing

NAME = "manifest.json"
SCHEMA_VERSION: Final = 1
"""Of the tables that a manifest lists, as `schema` declares them."""

# Names that stay inside the snapshot's folder, whoever wrote the manifest.
FILE_NAME: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$"


class Part(BaseModel):
    """A frozen piece of the manifest; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(Part):
    """One file of the snapshot."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class Provenance(Part):
    """Where a part of the data came from: an import, a rendering, devices."""

    kind: str
    source: str
    detail: Mapping[str, str | int | float | bool] = {}


class Manifest(Part):
    """Everything that names a snapshot."""

    schema_version: int = SCHEMA_VERSION
    counts: Mapping[str, int]
    files: Mapping[Annotated[str, StringConstraints(pattern=FILE_NAME)], FileEntry]
    provenance: tuple[Provenance, ...] = ()
    licence: str = "unknown"

    def to_bytes(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, one line."""
        return canonical(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """The snapshot's name."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @classmethod
    def from_bytes(cls, data: bytes, place: str) -> Self:
        """Parse and check; `place` is for the message."""
        _check_version(data, place)
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the whole file"
            raise SnapshotDamaged(
                f"{place} is no snapshot manifest: {where}: {first['msg']}.",
                mend="`slipway data pull` fetches it again.",
            ) from None


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a snapshot's folder."""
    path = folder / NAME
    try:
        return Manifest.from_bytes(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise SnapshotMissing(
            f"{folder} holds no snapshot: {NAME} is missing.",
            mend="`slipway data pull` fetches the committed one, `slipway data import` makes one.",
        ) from None


def _check_version(data: bytes, place: str) -> None:
    """Before anything else: another version may have other keys."""
    try:
        found = json.loads(data)["schema_version"]
    except (ValueError, TypeError, KeyError):
        return  # the full check says what is wrong
    if found != SCHEMA_VERSION:
        raise SnapshotDamaged(
            f"{place} has schema version {found}, this slipway reads {SCHEMA_VERSION}.",
            mend="Use the slipway that wrote it, or commit the data again with this one.",
        )
