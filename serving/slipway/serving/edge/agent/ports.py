"""What the agent needs from the world; each has one real adapter, and others in tests and simulations."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass, Variant
from slipway.serving.runtime.proven import Proof

__all__ = ["Built", "Clock", "Disk", "Engines", "MaySwap", "Meter", "Observed", "Proof", "engines_folder"]

MaySwap = Callable[[datetime], float]
"""Seconds from a moment until models may be exchanged on this device; 0 where they may now."""


class Clock(Protocol):
    """Time on this device."""

    def now(self) -> datetime:
        """What the device's clock says, in UTC; it may be years off."""

    def monotonic(self) -> float:
        """Seconds since some moment, that never go back while the process lives."""

    def wait(self, seconds: float) -> bool:
        """Wait, and nothing else in the agent does; True when somebody asked to stop, also for 0 seconds."""


class Disk(Protocol):
    """The device's files, below one folder; paths are relative to it. Files are 0600, folders 0700.

    What a method has returned from survives a power cut; what it has not is there whole, in part or not at all, as the
    method says. A full disk is `OSError` (ENOSPC).
    """

    def path(self, name: str) -> Path:
        """The real path, for readers."""

    def read(self, name: str, largest: int = ...) -> bytes | None:
        """The whole content; None where there is no such file."""

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content, a piece at a time; none where there is no such file."""

    def replace(self, name: str, data: bytes) -> None:
        """The old content or the new one, never a part."""

    def write_from(self, name: str, start: int, pieces: Iterable[bytes]) -> int:
        """Write at `start`, cutting off what was behind; the size then.

        After a power cut, or an error of `pieces`, any beginning of what was written may be there behind `start`.
        """

    def link(self, old: str, new: str) -> None:
        """Give a file's content a second name; a copy where the file system has no links."""

    def rename(self, old: str, new: str) -> None:
        """Under the new name whole or not at all."""

    def size(self, name: str) -> int | None:
        """Bytes; None where there is no such file."""

    def list(self, folder: str) -> Sequence[str]:
        """The names in a folder, sorted; none where there is no such folder."""

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it; what is not there is fine."""

    def free(self) -> int:
        """Bytes that may still be written, beyond those that stay reserved for journals."""


class Meter(Protocol):
    """What may come over the network, of all models together."""

    def left(self) -> int | None:
        """Bytes that may still come today; None is without limit."""

    def take(self, size: int) -> float:
        """So many have come; the seconds to wait before more do."""

    def renewed_in(self) -> float:
        """Seconds until a new day begins."""


@dataclass(frozen=True)
class Built:
    """What will run a release on this device."""

    variant: Variant
    provider: str
    """`cpu`, `cuda`, `tensorrt`."""
    engine: str | None = None
    """File of the engine in `engines_folder`; None where ONNX Runtime runs the variant itself."""
    detail: str = ""
    """Of the runtime and, where it is not the class's preferred variant, why."""


@dataclass(frozen=True)
class Observed:
    """What a release has done since it became active."""

    seconds: float
    answered: int
    failed: int
    p95_ms: float
    provider: str
    divergence: Mapping[str, float]
    """By distribution of `reference.json`, how far what was seen is from it (0 the same, 1 nothing in common)."""
    lately: Mapping[str, float]
    """The same of the last half hour to hour alone."""


class Engines(Protocol):
    """The runtime of this device, as the agent uses it. Each may take long and must survive being killed.

    `ModelUnfit` says that this release is no good here, and it is not tried again; `OSError` (no memory, no disk, a
    device that is busy) that another try may mend it. A bundle's engines lie in `engines_folder(bundle)`, which is
    removed with the slot.
    """

    def build(self, bundle: Bundle, device: DeviceClass) -> Built:
        """Choose a variant and build its engine where the class asks for one; `ModelUnfit` where none suits."""

    def prove(self, bundle: Bundle, device: DeviceClass, built: Built) -> Proof:
        """Golden answers, latency and memory, in a process of its own. The agent holds them against the budget."""

    def activate(self, bundle: Bundle, device: DeviceClass, built: Built, release: int) -> None:
        """Let this one answer from now on, losing no admitted frame; nothing happens where it does already.

        When it raises, the one before goes on answering.
        """

    def shadow(self, bundle: Bundle, device: DeviceClass, built: Built, release: int, frames: float) -> str | None:
        """Let this one see a share of what is answered, after it was, and count how its answers differ.

        It takes the place of another one that did; nothing that answers waits for it. What it gives is why the two
        cannot be compared, which says nothing of the release.
        """

    def unshadow(self) -> None:
        """Let nothing run beside what answers, as at the beginning; never raises."""

    def observed(self) -> Observed | None:
        """What the active one has done since this process activated it; None where nothing runs here."""


def engines_folder(bundle: Bundle) -> Path:
    """Where the engines of a bundle in a slot lie: beside it, so that the bundle's folder holds the bundle alone."""
    return bundle.folder.with_name(f"{bundle.folder.name}.engines")
