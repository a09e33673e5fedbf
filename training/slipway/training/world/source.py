"""The world as a source of snapshots: what names it makes, and making one where it is wanted.

Reached through the entry point `slipway.snapshot_sources`; light to import, since it is asked for names far more often
than for a snapshot.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final


class WorldSource:
    """Makes the snapshots `world:<scenario>@<version>`, as a manifest's provenance names them."""

    def names(self) -> Sequence[str]:
        """The snapshots that can be made, in the version of the world that is installed."""
        from slipway.training.world.scenarios import scenarios

        return [scenario.snapshot for scenario in scenarios().values()]

    def make(self, name: str, target: Path, progress: Callable[[str], None]) -> None:
        """Put the complete snapshot folder at `target`, on as many processes as there are cores."""
        from slipway.platform.machine import cores
        from slipway.training.world import render

        render(name, target, cores().threads, progress)


SOURCE: Final = WorldSource()
