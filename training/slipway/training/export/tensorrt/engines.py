"""Trying engines for an export."""

from pathlib import Path
from typing import Self

from slipway.serving.bundle.manifest import Engine
from slipway.training.export.wanted import Wanted


class Engines:
    """Not there yet."""

    @classmethod
    def of(cls, wanted: Wanted, cache: Path) -> Self:
        raise NotImplementedError

    def try_one(self, path: Path) -> Engine:
        raise NotImplementedError
