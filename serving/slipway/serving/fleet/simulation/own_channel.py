"""Who signs the simulated channel: an office in a folder, small bundles, and a thief of some of its keys.

A simulated runtime runs no model, so all bundles have one of three nodes, each with another remark in it.
"""

from base64 import b64decode
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass, Lineage, VariantPart
from slipway.serving.bundle.writing import write_bundle
from slipway.serving.channel.pointer import Pointer, Wave
from slipway.serving.channel.release import Release
from slipway.serving.fleet.simulation.office import Office
from slipway.serving.fleet.simulation.runtime import SIZE_MB, Plan
from slipway.serving.fleet.simulation.thief import Thief
from slipway.serving.release.roles import CHANNELS

MODEL: Final = "simulated-bays"
FILE: Final = "model.fp32.onnx"
COSTS: Final = DeviceClass(variants=("fp32",), batch=2, latency_ms=20, memory_mb=200, size_mb=SIZE_MB)
NETWORK: Final = b64decode(
    "CAoSADr3AQocCgZpbWFnZXMSAW4iBENhc3QqCQoCdG8YAaABAgooCgFuCgRheGVzEgFtIglSZWR1Y2VNYXgqDwoIa2VlcGRpbXMY"
    "AKABAgonCgFtCgVmaXJzdBIGbG9naXRzIgZHYXRoZXIqCwoEYXhpcxgBoAECEgFnKhwIAhAHQgRheGVzShACAAAAAAAAAAMAAAAA"
    "AAAAKh0IAhAHQgVmaXJzdEoQAAAAAAAAAAABAAAAAAAAAFolCgZpbWFnZXMSGwoZCAISFQoHEgViYXRjaAoCCAMKAggECgIIBGId"
    "CgZsb2dpdHMSEwoRCAESDQoHEgViYXRjaAoCCAJCBAoAEBQ="
)
"""ONNX: the greatest value of two colours."""
DOC_STRING: Final = 6 << 3 | 2
"""How the remark of a model begins in its file."""
CONTRACT: Final = Contract.model_validate(
    {
        "inputs": [{"name": "images", "dtype": "uint8", "dims": ["batch", 3, 4, 4]}],
        "outputs": [{"name": "logits", "dims": ["batch", 2], "meaning": "Raw scores of each state."}],
        "dims": {"batch": {"least": 1, "usual": 2, "most": 4}},
    }
)


class OwnChannel:
    """A channel of one model, and those who sign it."""

    model = MODEL

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder / "office").open()
        self._bundles = folder / "bundles"
        self._bundles.mkdir()

    @property
    def folder(self) -> Path:
        """What devices read."""
        return self.office.folder

    @property
    def begin(self) -> datetime:
        """When it was founded."""
        return self.office.time.now()

    def root(self) -> bytes:
        """The root that devices are enrolled with."""
        return self.office.repository().root_bytes()

    def dated(self, now: datetime) -> None:
        """What is signed from here on is signed at that date."""
        self.office.time.moment = now

    def release(self, number: int, *, floor: int, plan: Plan) -> Release:
        """Sign a release of a small bundle of its own, made as planned; devices see it with the next pointer."""
        bundle = small_bundle(self._bundles / str(number), number, plan)
        return self.office.add(bundle, number, floor=floor, minimum_agent=plan.minimum_agent)

    def point(self, *, base: Release | None, target: Release | None, wave: Wave, **said: object) -> Pointer:
        """Sign the next pointer, with what else it says, and what leads to it."""
        pointer = self.office.point(self.model, base=base, target=target, wave=wave, **said)
        self.office.repository().commit()
        return pointer

    def renew(self) -> None:
        """New dates on what the rollout service signs, as nothing else is to be told."""
        self.office.repository().refresh(CHANNELS)

    def thief(self, folder: Path, *, stolen: bool = True) -> Thief:
        """The rollout service's keys are stolen, and the channel is copied as it is; or a releaser's are."""
        return Thief(self.office, folder, ["rollouts" if stolen else "dora"])


def small_bundle(folder: Path, number: int, plan: Plan, *, model: str = MODEL) -> Bundle:
    """The bundle of a release, unlike those of others."""
    remark = f"release {number}".encode()
    network = NETWORK + bytes([DOC_STRING, len(remark)]) + remark
    images = np.zeros((2, 3, 4, 4), np.uint8)
    return write_bundle(
        folder,
        model=model,
        lineage=Lineage(origin="a simulation"),
        contract=CONTRACT,
        devices={plan.device_class: COSTS.model_copy(update={"size_mb": plan.size_mb})},
        variants={"fp32": VariantPart(file=FILE, opset=20, tolerance={"logits": 1e-3})},
        files={FILE: network},
        golden={"in.images": images, "fp32.logits": np.zeros((2, 2), np.float32)},
        reference={"rows": 0},
    )
