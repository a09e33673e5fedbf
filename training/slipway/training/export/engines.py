"""Trying engines for an export: whether TensorRT takes the graph is part of what the bundle says of it.

An engine belongs to one kind of device and is made there, so what is made here is not shipped. That no engine can be
made, for whatever reason, is no reason for an export to end otherwise than with a bundle that says so.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.manifest import Engine
from slipway.serving.runtime.tensorrt.asking import Here, Limits, make_apart
from slipway.serving.runtime.tensorrt.module import find_module
from slipway.serving.runtime.tensorrt.profiles import tensors_of
from slipway.training.export.errors import ExportFailed
from slipway.training.export.wanted import Maker

LIMITS: Final = Limits(seconds=600.0)


@dataclass(frozen=True)
class Engines:
    """Tries engines with one module for one contract."""

    maker: Maker
    contract: Contract
    timing: Path | None = None
    """A file that keeps what was measured for the next ones."""
    limits: Limits = LIMITS

    def check(self) -> None:
        """Refuse another TensorRT than the one that the work is named by."""
        here = find_maker()
        if here != self.maker:
            raise ExportFailed(
                f"The export was named with {self.maker.told}; here is {here.told if here else 'no TensorRT'}.",
                mend="Export again here: the work is named by what is here then.",
            )

    def try_one(self, model: Path, keep: Path | None = None) -> Engine:
        """Whether an engine of this model can be made; `keep` is where it goes."""
        here = Here(self.maker.module, self.maker.version, capability=None)
        tensors = tensors_of(self.contract)
        tried = make_apart(here, model, tensors, timing=self.timing, keep=keep, limits=self.limits)
        return Engine(tensorrt=self.maker.told, built=tried.built, problems=tried.problems)


def find_maker() -> Maker | None:
    """The first TensorRT that can be imported here."""
    found = find_module()
    return Maker(module=found[0], version=str(found[1].__version__)) if found else None
