"""python-tuf's client, held to this device's time and to what this device remembers.

`Updater` does the work: it follows roots, then verifies timestamp, snapshot and the roles that list files. It lets an
application decide neither the time nor how files are kept, so this class steps in between its stages. Those are
internal to python-tuf; a test holds that they exist and are called.

Promised: what was verified survives a power cut whole (see `trust_folder`), and one damaged or lost file in the trust
folder opens no way back to an older state (see `marks`). If metadata *and* marks are lost, the channel is believed
anew, from the root that the device was enrolled with: signatures and expiries still hold, rollback protection begins
again.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuf.api.metadata import Metadata, Root, Snapshot, Timestamp
from tuf.ngclient import Updater, UpdaterConfig

from slipway.serving.channel import limits, paths
from slipway.serving.channel.errors import Untrusted
from slipway.serving.channel.marks import SnapshotMark, TimestampMark, read_marks, write_marks
from slipway.serving.channel.times import believable, signed_at
from slipway.serving.channel.trust_folder import TrustFolder

if TYPE_CHECKING:
    from slipway.serving.channel.fetcher import TransportFetcher

HISTORY = "root_history"


def _config() -> UpdaterConfig:
    return UpdaterConfig(
        max_root_rotations=limits.ROOT_ROTATIONS,
        max_delegations=limits.DELEGATIONS,
        root_max_length=limits.LARGEST_ROOT,
        timestamp_max_length=limits.LARGEST_TIMESTAMP,
        snapshot_max_length=limits.LARGEST_SNAPSHOT,
        targets_max_length=limits.LARGEST_TARGETS,
    )


class RememberingUpdater(Updater):
    """One refresh of what is trusted; `now` is the device's time as the agent knows it."""

    def __init__(self, folder: TrustFolder, fetcher: "TransportFetcher", bootstrap: bytes, *, now: datetime) -> None:
        self._folder = folder
        self._now = now
        self._marks = read_marks(folder)
        folder.prepare(HISTORY)
        super().__init__(str(folder.path), paths.METADATA, fetcher=fetcher, config=_config(), bootstrap=bootstrap)

    @property
    def root(self) -> Root:
        """The root that holds."""
        return self._trusted_set.root

    @property
    def time(self) -> datetime:
        """The device's time, by which expiries are judged."""
        return self._trusted_set.reference_time

    @property
    def newest_date(self) -> datetime:
        """The newest date in what was verified, now or before."""
        date = self._marks.newest_date(self.root.roles[Timestamp.type])
        return max(signed_at(self.root), date) if date else signed_at(self.root)

    @property
    def good_until(self) -> datetime:
        """When the first of the metadata that was used expires."""
        return min(signed.expires for signed in self._trusted_set)

    def keys_of(self, role: str) -> tuple[frozenset[str], frozenset[str]]:
        """Which keys signed what is trusted of a delegated role, and which may."""
        kept: Metadata[Any] = Metadata.from_bytes(self._load_local_metadata(role))
        targets = self._trusted_set.targets
        result = targets.get_verification_result(role, kept.signed_bytes, kept.signatures)
        return frozenset(result.signed), frozenset(targets.get_delegated_role(role).keyids)

    def refresh(self) -> None:
        before = self._marks
        try:
            super().refresh()
        finally:
            if self._marks != before:
                write_marks(self._folder, self._marks)

    def expires(self, role: str) -> datetime | None:
        """When what is trusted by now of a role expires."""
        signed = self._trusted_set.get(role)
        return signed.expires if signed else None

    def _load_root(self) -> None:
        self.config.max_root_rotations = _kept_after(self.root.version, self._folder) + limits.ROOT_ROTATIONS
        super()._load_root()
        version = self.root.version
        if version < self._marks.root:
            raise Untrusted(
                f"The channel's root went back: expected version {self._marks.root}, which this device has seen and "
                f"no longer has whole, found {version}.",
                mend="The channel must give out every root from the device's first one on.",
            )
        self._marks = self._marks.model_copy(update={"root": version})
        self._trusted_set.reference_time = max(self._now, self.newest_date)

    def _load_timestamp(self) -> None:
        super()._load_timestamp()
        date = self._check_timestamp()
        self._trusted_set.reference_time = max(self.time, date)
        timestamp = self._trusted_set.timestamp
        mark = TimestampMark(
            version=timestamp.version,
            snapshot=timestamp.snapshot_meta.version,
            signed_at=date,
            keys=self._signers(Timestamp.type),
        )
        self._marks = self._marks.model_copy(update={"timestamp": mark})

    def _load_snapshot(self) -> None:
        super()._load_snapshot()
        self._check_snapshot()
        versions = {name: meta.version for name, meta in self._trusted_set.snapshot.meta.items()}
        mark = SnapshotMark(versions=versions, keys=self._signers(Snapshot.type))
        self._marks = self._marks.model_copy(update={"snapshot": mark})

    def _persist_metadata(self, rolename: str, data: bytes) -> None:
        """Keep what was verified, unless the marks say otherwise."""
        if rolename == Timestamp.type:
            self._check_timestamp()
        elif rolename == Snapshot.type:
            self._check_snapshot()
        super()._persist_metadata(rolename, data)

    def _persist_file(self, filename: str, data: bytes) -> None:
        self._folder.write(str(Path(filename).relative_to(self._folder.path)), data)

    def _update_root_symlink(self) -> None:
        """Not needed: the bootstrap root is given each time."""

    def _check_timestamp(self) -> datetime:
        timestamp, mark = self._trusted_set.timestamp, self._marks.timestamp
        _not_beyond("timestamp", timestamp.version)
        _not_beyond("snapshot", timestamp.snapshot_meta.version)
        if mark is not None and mark.holds(self.root.roles[Timestamp.type]):
            _not_below("timestamp", timestamp.version, mark.version)
            _not_below("snapshot", timestamp.snapshot_meta.version, mark.snapshot)
        return believable(timestamp, self.root)

    def _check_snapshot(self) -> None:
        mark = self._marks.snapshot
        for name, meta in self._trusted_set.snapshot.meta.items():
            _not_beyond(name.removesuffix(".json"), meta.version)
        if mark is None or not mark.holds(self.root.roles[Snapshot.type]):
            return
        listed = self._trusted_set.snapshot.meta
        for name, version in mark.versions.items():
            _not_below(name.removesuffix(".json"), listed[name].version if name in listed else 0, version)

    def _signers(self, role: str) -> frozenset[str]:
        """Which keys signed what is kept of a role."""
        kept: Metadata[Any] = Metadata.from_bytes(self._load_local_metadata(role))
        result = self.root.get_verification_result(role, kept.signed_bytes, kept.signatures)
        return frozenset(result.signed)


def _kept_after(version: int, folder: TrustFolder) -> int:
    """How many roots after this one lie here already: a look goes on from there, so each comes further."""
    count = 0
    while (folder.path / HISTORY / f"{version + count + 1}.root.json").exists():
        count += 1
    return count


def _not_beyond(role: str, found: int) -> None:
    if found > limits.MOST:
        raise Untrusted(f"The channel's {role} has a version above {limits.MOST}, which nobody reaches honestly.")


def _not_below(role: str, found: int, expected: int) -> None:
    if found < expected:
        raise Untrusted(
            f"The channel's {role} went back (rollback): expected version {expected} or newer, found {found or 'none'}."
        )
