"""Sources: what can make a snapshot again from its name, found by the entry-point group `slipway.snapshot_sources`.

The world's scenarios are such snapshots: a fresh clone needs no download. This package knows no world; whoever offers
one installs an entry point.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from slipway.platform.data.errors import SnapshotMissing
from slipway.platform.names import suggestion

GROUP = "slipway.snapshot_sources"


class SnapshotSource(Protocol):
    """Makes snapshots by name; the same name gives the same bytes everywhere."""

    def names(self) -> Sequence[str]:
        """What it can make, as a manifest's provenance writes it: `world:baseline@1`."""

    def make(self, name: str, target: Path, progress: Callable[[str], None]) -> None:
        """Write the snapshot's folder."""


def installed_sources() -> list[SnapshotSource]:
    """The sources of all installed distributions, in a fixed order."""
    return [point.load() for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)]


def find_source(name: str) -> SnapshotSource:
    """The source that makes this snapshot."""
    sources = installed_sources()
    found = next((source for source in sources if name in source.names()), None)
    if found is None:
        known = [one for source in sources for one in source.names()]
        raise SnapshotMissing(
            f"Nothing that is installed here makes `{name}`.",
            mend=suggestion(name, known) if known else "Install slipway-training, which brings the world.",
        )
    return found
