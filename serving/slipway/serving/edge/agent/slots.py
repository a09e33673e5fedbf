"""Where the files of a model lie on a device.

    models/<model>/journal, journal.kept   see `journal`
    models/<model>/a/, b/                  the slots: a bundle each, with the files that this device's class needs
    models/<model>/a.engines/, b.engines/  what was built of them
    models/<model>/parts/<sha256>          what is being fetched, named by what it has to become

Paths are below the device's folder, as `Disk` takes them.
"""

from dataclasses import dataclass
from pathlib import Path

from slipway.serving.bundle.folder import Bundle
from slipway.serving.edge.agent.ports import Disk
from slipway.serving.edge.agent.state import Installed, Slot, State


@dataclass(frozen=True)
class Layout:
    """The paths of one model, below the device's folder."""

    model: str

    @property
    def folder(self) -> str:
        """All of it."""
        return f"models/{self.model}"

    @property
    def journal(self) -> str:
        """What the agent remembers."""
        return f"{self.folder}/journal"

    def slot(self, slot: Slot) -> str:
        """A bundle."""
        return f"{self.folder}/{slot}"

    def engines(self, slot: Slot) -> str:
        """What was built of the bundle in this slot."""
        return f"{self.folder}/{slot}.engines"

    @property
    def parts(self) -> str:
        """What is being fetched."""
        return f"{self.folder}/parts"

    def part(self, sha256: str) -> str:
        """A file that will have this digest."""
        return f"{self.parts}/{sha256}"

    def bundle(self, disk: Disk, installed: Installed) -> Bundle:
        """The bundle in its slot; only the manifest is read, see `Bundle.open`."""
        return Bundle.open(Path(disk.path(self.slot(installed.slot))))


def other(slot: Slot) -> Slot:
    """There are two."""
    return "b" if slot == "a" else "a"


def free_slot(state: State) -> Slot:
    """The slot for what comes: not that of what answers; while nothing does, not that of what may yet come back."""
    kept = state.active or state.before
    return other(kept.slot) if kept else "a"
