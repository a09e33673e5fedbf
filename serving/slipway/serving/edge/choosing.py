"""Which variant of a bundle runs on this device, and what runs it: a pure choice.

The class says what its devices have and which variants it prefers. A device of a class with a GPU never falls to the
processor: then something is wrong with the device, which another try may mend, and nothing with the release.
"""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from slipway.serving.bundle.manifest import DeviceClass, Manifest, Runtime, Variant
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.session import Provider

SUITED: Final[Mapping[Provider, tuple[Variant, ...]]] = {
    "cpu": ("fp32", "fp16", "int8-cpu"),
    "cuda": ("fp32", "fp16"),
    "tensorrt": ("fp32", "fp16", "int8-trt"),
}
"""What each provider runs well: 8 bits for processors are another arithmetic than 8 bits for TensorRT."""
ACCEPTED: Final[Mapping[Runtime, tuple[Provider, ...]]] = {
    "cpu": ("cpu",),
    "cuda": ("cuda",),
    "tensorrt": ("tensorrt", "cuda"),
}
"""What a class's runtime may be, the best one first."""


@dataclass(frozen=True)
class Choice:
    """What is to run."""

    variant: Variant
    provider: Provider
    native: bool = False
    """By an engine that is built here, without ONNX Runtime."""
    detail: str = ""
    """Why it is not the first of the class's wishes."""


def choices(
    manifest: Manifest, device: DeviceClass, found: Sequence[Provider], *, native: bool = False
) -> tuple[Choice, ...]:
    """All that could run here of what the class wants, the best first.

    `found` are ONNX Runtime's providers on this machine; `native` says whether TensorRT itself is here.
    """
    engines = native and device.runtime == "tensorrt"
    usable = [one for one in ACCEPTED[device.runtime] if one in found]
    if not usable and not engines:
        raise OSError(
            errno.ENODEV,
            f"The device class runs models on {device.runtime}, and this machine has {', '.join(found) or 'nothing'}",
        )
    wanted = [one for one in device.variants if one in manifest.variants]
    ways: list[tuple[Provider, bool]] = [("tensorrt", True)] if engines else []
    ways += [(one, False) for one in usable]
    suited = [
        Choice(variant, provider, built, _detail(device, variant, provider))
        for provider, built in ways
        for variant in wanted
        if variant in SUITED[provider]
    ]
    if not suited:
        names = " or ".join(dict.fromkeys(provider for provider, _ in ways))
        raise ModelUnfit(
            f"None of its variants for this device class ({', '.join(wanted) or 'none'}) suits {names}.",
            mend="Have the model's declaration name a variant for what these devices have.",
        )
    return tuple(suited)


def _detail(device: DeviceClass, variant: Variant, provider: Provider) -> str:
    told = []
    if provider != ACCEPTED[device.runtime][0]:
        told.append(f"{ACCEPTED[device.runtime][0]} is not here")
    if variant != device.variants[0]:
        told.append(f"{device.variants[0]} does not suit {provider}")
    return "; ".join(told)
