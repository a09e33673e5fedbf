"""What an export is told, as it stands in the config of its work: plain JSON that names the work, so nothing of chance.

The child has no store, so what the manifest says of the training's key comes with it.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from slipway.serving.bundle.contract import Contract, Part
from slipway.serving.bundle.manifest import DeviceClass, Lineage, Variant

KIND: Final = "export"
MODULE: Final = "slipway.training.export.main"
WEIGHTS: Final = "weights.safetensors"
"""The run's weights: a file of its result, and the name of the reference."""
MAKES_ENGINES: Final = "tensorrt"
"""The runtime whose device classes get engines."""


class Trainer(Part):
    """What the runner reads of any work."""

    threads: int = 1
    processes: int = 1
    accelerator: Literal["cpu"] = "cpu"


class Calibrated(Part):
    """How ranges of INT8 variants are found."""

    rows: int = Field(default=256, ge=1)
    """Of the training split."""
    seed: int = 0


class Maker(Part):
    """The TensorRT module that tries to make engines."""

    module: str
    version: str

    @property
    def told(self) -> str:
        """As the manifest says it."""
        return f"{self.module.removesuffix('_bindings')} {self.version}"


class Wanted(Part):
    """All of it."""

    kind: Literal["export"] = KIND
    trainer: Trainer = Trainer()
    training: Mapping[str, Any]
    """The run's own config, without what did not decide its weights."""
    export: Contract
    devices: Mapping[str, DeviceClass]
    lineage: Lineage
    calibration: Calibrated = Calibrated()
    tensorrt: Maker | None = None
    """None where there is none, or no device class asks for one."""

    @property
    def variants(self) -> tuple[Variant, ...]:
        """fp32, which the others are made of, and all that some device class asks for, each once."""
        asked: list[Variant] = [variant for device in self.devices.values() for variant in device.variants]
        return tuple(dict.fromkeys(["fp32", *asked]))

    @property
    def engines(self) -> tuple[Variant, ...]:
        """Those of which an engine is to be made."""
        if self.tensorrt is None:
            return ()
        asked = [one for device in self.devices.values() if device.runtime == MAKES_ENGINES for one in device.variants]
        return tuple(dict.fromkeys(asked))
