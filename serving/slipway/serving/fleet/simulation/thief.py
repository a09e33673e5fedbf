"""Somebody who has some of the channel's keys and decides what devices get to read."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuf.api.metadata import TargetFile

from slipway.serving.bundle.canonical import canonical, sha256
from slipway.serving.channel.paths import pointer_path, stored_path
from slipway.serving.channel.pointer import Pointer
from slipway.serving.fleet.simulation.office import Office
from slipway.serving.release.tuf_files import Document, key_of, parse
from slipway.serving.release.tuf_making import make_snapshot, make_timestamp, sign


@dataclass
class Thief:
    """A copy of the channel as it is when the thief comes, and the keys of some people."""

    office: Office
    folder: Path
    keys: Sequence[str]
    made: dict[str, Document] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shutil.copytree(self.office.folder, self.folder)
        timestamp = _parsed("timestamp", (self.folder / "metadata/timestamp.json").read_bytes())
        snapshot = self.read("snapshot", timestamp.signed.snapshot_meta.version)
        listed = [self.read(role, snapshot.signed.meta[f"{role}.json"].version) for role in LISTED]
        self.made = {one.role: one for one in (timestamp, snapshot, *listed)}

    def read(self, role: str, version: int) -> Document:
        """A version of a role as it lies there."""
        return _parsed(role, (self.folder / key_of(role, version)).read_bytes())

    def forge(self, role: str, change: Callable[[Any], None] = lambda _: None, *, by: Sequence[str] = ()) -> Document:
        """The next version of a role with something changed, signed with stolen keys."""
        signed = _parsed(role, self.made[role].data).signed
        signed.version += 1
        change(signed)
        return self.write(role, signed, by=by)

    def write(self, role: str, signed: Any, *, by: Sequence[str] = ()) -> Document:  # noqa: ANN401 - any role's
        """Sign and put it where devices look."""
        keys = [self.office.key(name) for name in by or self.keys]
        document = sign(role, signed, {key.public_key.keyid: key for key in keys})
        (self.folder / document.key).write_bytes(document.data)
        if role == "timestamp":
            (self.folder / "metadata/timestamp.json").write_bytes(document.data)
        self.made[role] = document
        return document

    def show(self, change: Callable[[Any], None] = lambda _: None) -> None:
        """A snapshot of what was made, and a timestamp of it, which `change` may alter before it is signed."""
        expiries, now = self.office.loaded().settings.channel.expiry_days, self.office.time.now()
        snapshot = make_snapshot(self.made, self.made["snapshot"].version + 1, now, expiries)
        document = self.write("snapshot", snapshot)
        timestamp = make_timestamp(document, self.made["timestamp"].version + 1, now, expiries)
        change(timestamp)
        self.write("timestamp", timestamp)

    def point(self, pointer: Pointer) -> None:
        """Sign a pointer with the stolen rollout key, and show it."""
        data = canonical(pointer.model_dump(mode="json"))
        path = pointer_path(pointer.model)
        stored = self.folder / stored_path(path, sha256(data))
        stored.write_bytes(data)
        target = TargetFile.from_data(path, data, ["sha256"])
        self.forge("channels", lambda signed: signed.targets.update({path: target}))
        self.show()


LISTED = ("targets", "models", "channels")


def _parsed(role: str, data: bytes) -> Document:
    found = parse(role, data)
    if found is None:
        raise ValueError(f"What lies there is no {role}")
    return found
