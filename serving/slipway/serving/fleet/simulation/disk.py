"""A simulated device's disk: the real adapter over real files, that is full when it should be.

Nothing is synced, as no power is cut here and waiting for a platter is most of what a simulation would do; a device
whose power is cut has the disk of `cutting`.
"""

import errno
import os

from slipway.serving.edge.agent.disk import RealDisk


class SimulatedDisk(RealDisk):
    """The files below one folder."""

    full = False

    def _write(self, file: int, name: str, data: bytes, at: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
        super()._write(file, name, data, at)

    def _sync(self, file: int, name: str) -> None:
        """There is nothing to lose."""

    def _sync_folder(self, folder: int, name: str) -> None:
        """There is nothing to lose."""
