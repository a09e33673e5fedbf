"""Signers of a simulated channel: an office with real keys, and a thief of some of them."""

from datetime import datetime
from pathlib import Path
from typing import Any

import small_onnx
from signed_channel import Office
from slipway.serving.bundle.manifest import DeviceClass
from slipway.serving.channel.pointer import Pointer, Wave
from slipway.serving.channel.release import Release
from slipway.serving.fleet.simulation.thief import Thief

COSTS: dict[str, Any] = {"batch": 2, "latency_ms": 20, "memory_mb": 200, "size_mb": 4}


class OfficeSigners:
    """`Signers` over an office in a folder."""

    model = "small-bays"

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder / "office").open()
        self._bundles = folder / "bundles"
        self._bundles.mkdir()

    @property
    def folder(self) -> Path:
        return self.office.folder

    @property
    def begin(self) -> datetime:
        return self.office.time.now()

    def root(self) -> bytes:
        return self.office.repository().root_bytes()

    def dated(self, now: datetime) -> None:
        self.office.time.moment = now

    def release(self, number: int, *, floor: int, device_class: str) -> Release:
        devices = {device_class: DeviceClass(variants=("fp32",), **COSTS)}
        bundle = small_onnx.bundle(self._bundles / str(number), number, devices=devices)
        return self.office.add(bundle, number, floor=floor)

    def point(self, *, base: Release | None, target: Release | None, share: float) -> Pointer:
        pointer = self.office.point(self.model, base=base, target=target, wave=Wave(share=share, seed="s"))
        self.renew()
        return pointer

    def renew(self) -> None:
        self.office.repository().commit()

    def thief(self, folder: Path) -> Thief:
        return Thief(self.office, folder, ["rollouts"])
