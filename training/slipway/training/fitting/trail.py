"""What a training leaves behind at every step, so that two of them can be compared to the bit.

For each step: the bits of the loss, a sum over the rows of the batch and one over its pixels, of all processes
together. For the first steps and some of the later ones the norm of every parameter, after the step. At the end the
sha256 of every tensor. `first_difference` says where two trainings part: rows before pixels before loss before weights,
because each decides the next.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

if TYPE_CHECKING:
    from slipway.training.reading.philox import Words

FIRST: Final = 200
EVERY: Final = 50
MIX: Final = np.uint64(0x9E3779B97F4A7C15)
What = Literal["rows", "images", "loss", "weights", "length", "names"]


def normed(step: int) -> bool:
    """Whether the norms after this step are kept."""
    return step < FIRST or step % EVERY == 0


def images_sum(images: Tensor, first: int) -> int:
    """A number that changes with any pixel; `first` is the place of the first image in the batch of all processes.

    The numbers of all processes, added modulo 2**64, are that of one process with the whole batch.
    """
    # In memory the channels may come last: the order of the numbers does not matter, as long as it is always the same.
    flat = images.permute(0, 2, 3, 1) if images.is_contiguous(memory_format=torch.channels_last) else images
    pixels: npt.NDArray[np.uint8] = flat.contiguous().numpy().reshape(len(images), -1)
    whole = pixels.shape[1] // 8 * 8
    sums = pixels[:, :whole].view(np.uint64).sum(axis=1, dtype=np.uint64)
    sums += pixels[:, whole:].sum(axis=1, dtype=np.uint64)
    places = np.arange(first + 1, first + 1 + len(images), dtype=np.uint64)
    mixed = (sums ^ (sums >> np.uint64(29)) ^ places) * MIX
    mixed ^= mixed >> np.uint64(32)
    return int((mixed * (2 * places + np.uint64(1))).sum(dtype=np.uint64))


def rows_sum(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each line of rows a number that changes with any row or their order."""
    places: Words = np.arange(1, rows.shape[1] + 1, dtype=np.uint64)
    mixed: Words = (rows.astype(np.uint64) + places * MIX) * MIX
    mixed ^= mixed >> np.uint64(32)
    sums: npt.NDArray[np.int64] = (mixed * places).sum(axis=1, dtype=np.uint64).view(np.int64)
    return sums


class Trail:
    """Grows with the training; a checkpoint keeps it."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._loss: list[npt.NDArray[np.float32]] = []
        self._rows: list[npt.NDArray[np.int64]] = []
        self._images: list[npt.NDArray[np.int64]] = []
        self._norm_steps: list[int] = []
        self._norms: list[npt.NDArray[np.float32]] = []

    def add(self, loss: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], images: npt.NDArray[np.int64]) -> None:
        """Some more steps."""
        self._loss.append(loss)
        self._rows.append(rows)
        self._images.append(images)

    def add_norms(self, step: int, norms: npt.NDArray[np.float32]) -> None:
        """The parameters after a step."""
        self._norm_steps.append(step)
        self._norms.append(norms)

    @property
    def losses(self) -> npt.NDArray[np.float32]:
        """The loss of every step so far."""
        return np.concatenate([np.empty(0, np.float32), *self._loss])

    def to_tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps."""
        return {name: torch.from_numpy(column) for name, column in self._columns().items()}

    def restore(self, kept: Mapping[str, Tensor]) -> None:
        """Go on from what a checkpoint kept."""
        columns = {name: column.numpy() for name, column in kept.items()}
        self._loss, self._rows, self._images = [columns["loss"]], [columns["rows"]], [columns["images"]]
        self._norm_steps, self._norms = [int(step) for step in columns["norm_steps"]], list(columns["norms"])

    def write(self, path: Path, final: Mapping[str, Tensor]) -> None:
        """Write the file of results, with the digests of the final tensors."""
        digests = {name: digest(tensor) for name, tensor in sorted(final.items())}
        with path.open("wb") as file:
            np.savez(
                file,
                allow_pickle=False,
                names=np.array(self.names, dtype=np.str_),
                tensors=np.array(list(digests), dtype=np.str_),
                digests=np.array(list(digests.values()), dtype=np.str_),
                **self._columns(),
            )

    def _columns(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "loss": self.losses,
            "rows": np.concatenate([np.empty(0, np.int64), *self._rows]),
            "images": np.concatenate([np.empty(0, np.int64), *self._images]),
            "norm_steps": np.array(self._norm_steps, np.int64),
            "norms": np.stack(self._norms) if self._norms else np.empty((0, len(self.names)), np.float32),
        }


@dataclass(frozen=True)
class Difference:
    """Where two trainings part."""

    step: int
    """The first step that differs; as many as there were where only the final weights do."""
    what: What
    tensor: str | None = None
    """The first parameter that differs, where weights do."""


Kept = Mapping[str, npt.NDArray[Any]]


def read_trail(path: Path) -> dict[str, npt.NDArray[Any]]:
    """A trail as `Trail.write` left it."""
    with np.load(path, allow_pickle=False) as found:
        return dict(found)


def first_difference(a: Kept, b: Kept) -> Difference | None:
    """Where `b` parts from `a`; None where they are the same to the bit."""
    if a["names"].tolist() != b["names"].tolist():
        return Difference(0, "names", _first_other(a["names"].tolist(), b["names"].tolist()))
    found = [one for what in ("rows", "images", "loss") if (one := _first_step(a, b, what)) is not None]
    found += [one for one in (_first_norm(a, b), _length(a, b)) if one is not None]
    if found:
        return min(found, key=lambda one: one.step)  # of those at one step the first listed: the cause
    return _final(a, b)


def _first_step(a: Kept, b: Kept, what: Literal["rows", "images", "loss"]) -> Difference | None:
    length = min(len(a[what]), len(b[what]))
    differs = np.flatnonzero(_bits(a[what][:length]) != _bits(b[what][:length]))
    return Difference(int(differs[0]), what) if differs.size else None


def _first_norm(a: Kept, b: Kept) -> Difference | None:
    length = min(len(a["norm_steps"]), len(b["norm_steps"]))
    differs = np.argwhere(_bits(a["norms"][:length]) != _bits(b["norms"][:length]))
    if not differs.size:
        return None
    line, column = differs[0]
    return Difference(int(a["norm_steps"][line]), "weights", str(a["names"][column]))


def _length(a: Kept, b: Kept) -> Difference | None:
    lengths = sorted((len(a["loss"]), len(b["loss"])))
    return None if lengths[0] == lengths[1] else Difference(lengths[0], "length")


def _final(a: Kept, b: Kept) -> Difference | None:
    steps = len(a["loss"])
    left, right = (dict(zip(one["tensors"].tolist(), one["digests"].tolist(), strict=True)) for one in (a, b))
    for name in sorted(left.keys() | right.keys()):
        if left.get(name) != right.get(name):
            return Difference(steps, "weights", name)
    return None


def _bits(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """So that a NaN equals itself and 0 is not -0."""
    return values.view(np.uint32) if values.dtype == np.float32 else values


def _first_other(left: list[str], right: list[str]) -> str | None:
    return next((name for name in [*left, *right] if (name in left) != (name in right)), None)


def digest(tensor: Tensor) -> str:
    """sha256 of a tensor's numbers in their order, with shape and type."""
    plain = tensor.detach().cpu().contiguous()
    data: bytes = plain.reshape(-1).view(torch.uint8).numpy().data.tobytes()
    return hashlib.sha256(f"{plain.dtype} {tuple(plain.shape)} ".encode() + data).hexdigest()
