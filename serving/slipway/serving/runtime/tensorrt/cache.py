"""Engines that were made on this device, kept by what they were made of.

An engine is code, so only what was written here is loaded: beside each lies a record of what it was made of and of its
sha256, and what has another is not there. File and record are bound atomically, the record last, so after a power cut
an engine is whole or is built again.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from slipway.serving.bundle.canonical import canonical, sha256
from slipway.serving.bundle.durable import sync_folder
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.reading import read_plain
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.tensorrt.asking import Here
from slipway.serving.runtime.tensorrt.making import write_private
from slipway.serving.runtime.tensorrt.module import told
from slipway.serving.runtime.tensorrt.tensors import Tensors

LARGEST: Final = 4 * 1024**3
LARGEST_RECORD: Final = 64 * 1024
SHORT: Final = 32
ENGINE: Final = "engine.{}.plan"
RECORD: Final = ".json"
PART: Final = ".part"


@dataclass(frozen=True)
class Identity:
    """What an engine was made of; with any part another, it is another engine."""

    onnx: str
    """The sha256 of the model's file."""
    precision: str
    here: Here
    tensors: Tensors

    def to_json(self) -> dict[str, Any]:
        """As it stands in the record."""
        capability = self.here.capability
        return {
            "onnx": self.onnx,
            "precision": self.precision,
            "module": self.here.module,
            "version": self.here.version,
            "capability": list(capability) if capability else None,
            "device": self.here.device,
            "profile": self.tensors.to_json(),
        }

    @property
    def name(self) -> str:
        """Of its file."""
        return ENGINE.format(sha256(canonical(self.to_json()))[:SHORT])


@dataclass(frozen=True)
class EngineFile:
    """An engine that was written here."""

    path: Path
    sha256: str
    module: str
    version: str

    @property
    def told(self) -> str:
        """Who made it, such as `tensorrt 10.3.0`."""
        return told(self.module, self.version)

    def read(self) -> bytes:
        """Its bytes; ModelUnfit where they are no longer those that were written."""
        try:
            data = read_plain(self.path, LARGEST)
        except BadBundle as error:
            raise ModelUnfit(str(error)) from None
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelUnfit(f"{self.path} is not the engine that was built: its sha256 is another.", mend=_MEND)
        return data


_MEND: Final = "Remove it; it is built again."


def recorded(path: Path) -> EngineFile:
    """The engine in a file, as its record tells it."""
    record = path.with_name(path.name + RECORD)
    try:
        found = json.loads(read_plain(record, LARGEST_RECORD))
        made = found["made_of"]
        return EngineFile(path, str(found["sha256"]), str(made["module"]), str(made["version"]))
    except (BadBundle, ValueError, KeyError, TypeError, RecursionError):
        raise ModelUnfit(f"{path} has no record of its making beside it.", mend=_MEND) from None


@dataclass(frozen=True)
class EngineCache:
    """A folder of engines."""

    folder: Path

    def find(self, identity: Identity) -> EngineFile | None:
        """The engine made of this, whole; what is broken is removed."""
        path = self.folder / identity.name
        try:
            found = recorded(path)
            found.read()
        except ModelUnfit:
            self._remove(path)
            return None
        return found

    def place(self, identity: Identity) -> Path:
        """Where a new one is written first."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.folder / f".{identity.name}{PART}"

    def timing(self, here: Here) -> Path:
        """What the builder has measured on this device, for the next engine."""
        name = sha256(f"{here.told} {here.device} {here.capability}".encode())[:SHORT]
        return self.folder / f"timing.{name}"

    def adopt(self, identity: Identity, digest: str) -> EngineFile:
        """Keep what was written to its place, if it has that sha256."""
        part, path = self.place(identity), self.folder / identity.name
        written = EngineFile(part, digest, identity.here.module, identity.here.version)
        written.read()
        record = {"format": 1, "sha256": digest, "made_of": identity.to_json()}
        part.replace(path)
        self._write(path.with_name(path.name + RECORD), canonical(record))
        return EngineFile(path, digest, written.module, written.version)

    def keep_only(self, names: Collection[str]) -> None:
        """Remove all engines but these."""
        for path in self.folder.glob(".*" + PART):
            path.unlink(missing_ok=True)
        for path in self.folder.glob(ENGINE.format("*")):
            if path.name not in names:
                self._remove(path)

    def _remove(self, path: Path) -> None:
        path.with_name(path.name + RECORD).unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes) -> None:
        """Whole or not at all, after a power cut as well."""
        part = path.with_name(f".{path.name}{PART}")
        write_private(part, data)
        part.replace(path)
        sync_folder(self.folder)
