"""From a bundle's folder to a model that may answer: verified, proven here, and opened.

What comes while another model answers proves itself in a process of its own first: a model that exhausts the machine or
brings the runtime down must not end what works.
"""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass, Variant
from slipway.serving.bundle.verifying import verify
from slipway.serving.errors import SlipwayError, WrongUse
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.measuring import answers_apart
from slipway.serving.runtime.proving import prove
from slipway.serving.runtime.session import Arrays, Provider, Session, open_session

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
VARIANTS: Final[tuple[Variant, ...]] = get_args(Variant)


@dataclass(frozen=True)
class Place:
    """A folder that is served, and as what."""

    name: str
    folder: Path
    variant: Variant | None = None
    """None where the bundle's device classes say."""


@dataclass(frozen=True)
class Way:
    """How models run here."""

    provider: Provider = "cpu"
    threads: int = 1
    batch: int | None = None
    """Rows of several requests in one run; None where the bundle's device classes say."""


def place(text: str) -> Place:
    """NAME=FOLDER or FOLDER, either with :VARIANT; without a name the one in the manifest."""
    name, _, rest = text.partition("=") if _NAME.fullmatch(text.partition("=")[0]) and "=" in text else ("", "", text)
    folder, _, variant = rest.rpartition(":")
    known: dict[str, Variant] = {one: one for one in VARIANTS}
    path = Path(folder if variant in known and folder else rest)
    found = Place(name, path, known.get(variant) if folder else None)
    return found if name else Place(Bundle.open(path).manifest.model, path, found.variant)


Proven = tuple[str, str]
"""A bundle's digest and its variant."""


def load(one: Place, way: Way, known: Container[Proven] | None = None) -> LoadedModel:
    """The model in a folder. Where `known` is given, what is not among it proves itself in another process first."""
    folder = one.folder.resolve()  # once, as a link may be turned to the next bundle at any time
    before = signature(folder)
    bundle = verify(folder)
    variant = _variant(bundle, one.variant, way.provider)
    contract = bundle.manifest.contract
    if known is not None and (bundle.digest, variant) not in known:
        _check(bundle, variant, _Apart(bundle.path(variant), bundle, way))
    session = open_session(bundle.path(variant), contract, provider=way.provider, threads=way.threads)
    try:
        _check(bundle, variant, session)
        _check_unchanged(folder, before)
    except BaseException:
        session.close()
        raise
    batch = way.batch or _batch(bundle, way.provider)
    return LoadedModel(bundle.manifest.model, bundle.digest, None, variant, contract, session, batch)


def signature(folder: Path) -> tuple[object, ...]:
    """What changes when a folder's files do; empty where there is no folder."""
    try:
        found = [(one.name, one.lstat()) for one in sorted(folder.resolve().iterdir())]
    except OSError:
        return ()
    return tuple((name, about.st_ino, about.st_size, about.st_mtime_ns) for name, about in found)


class _Apart(Session):
    """A session whose every answer comes from a process of its own."""

    def __init__(self, model: Path, bundle: Bundle, way: Way) -> None:
        self._model, self._contract, self._way = model, bundle.manifest.contract, way

    @property
    def providers(self) -> Sequence[Provider]:
        return [self._way.provider]

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[np.generic]]:
        way = self._way
        return answers_apart(self._model, self._contract, inputs, provider=way.provider, threads=way.threads)

    def close(self) -> None:
        """It holds nothing."""


def _check_unchanged(folder: Path, before: tuple[object, ...]) -> None:
    if signature(folder) != before:
        raise SlipwayError(f"{folder} was changed while it was loaded.", mend="Replace it whole.")


def _check(bundle: Bundle, variant: Variant, session: Session) -> None:
    if problems := prove(bundle, variant, session):
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise SlipwayError(f"{bundle.folder} is not proven here: {problems[0]}{more}", mend="Name another variant.")


def _variant(bundle: Bundle, asked: Variant | None, provider: Provider) -> Variant:
    """The one that was asked for; else the first that a device class with such a runtime prefers."""
    there = bundle.manifest.variants
    if asked is not None:
        if asked not in there:
            raise WrongUse(f"{bundle.folder} has no variant {asked}; it has {', '.join(there)}.")
        return asked
    for device in _devices(bundle, provider):
        return device.variants[0]
    return "fp32" if "fp32" in there else next(iter(there))


def _batch(bundle: Bundle, provider: Provider) -> int | None:
    return max((device.batch for device in _devices(bundle, provider)), default=None)


def _devices(bundle: Bundle, provider: Provider) -> Sequence[DeviceClass]:
    """The device classes that run models in the same way."""
    return [device for device in bundle.manifest.devices.values() if device.runtime == provider]
