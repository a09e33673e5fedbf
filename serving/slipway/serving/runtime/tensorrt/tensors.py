"""What goes into an engine and comes out, as plain numbers that both interpreters understand."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

ALIGNED: Final = 256
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """One input or output with its least, usual and greatest shape."""

    name: str
    dtype: str
    least: Shape
    usual: Shape
    most: Shape

    @property
    def bytes_at_most(self) -> int:
        """Of its greatest shape."""
        return math.prod(self.most) * np.dtype(self.dtype).itemsize

    def allows(self, shape: Sequence[int]) -> bool:
        """Whether a shape lies within the range."""
        return len(shape) == len(self.most) and all(
            least <= size <= most for least, size, most in zip(self.least, shape, self.most, strict=True)
        )


@dataclass(frozen=True)
class Tensors:
    """All of them."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Tensors":
        """What `to_json` gave."""
        return cls(*(tuple(_tensor(one) for one in told[kind]) for kind in ("inputs", "outputs")))

    def places(self) -> tuple[dict[str, int], int]:
        """Where each has its place in one stretch of memory, and how long that is."""
        found, end = {}, 0
        for one in (*self.inputs, *self.outputs):
            found[one.name] = end
            end += -(-one.bytes_at_most // ALIGNED) * ALIGNED
        return found, end


def _tensor(told: Mapping[str, Any]) -> Tensor:
    shapes = (tuple(int(size) for size in told[which]) for which in ("least", "usual", "most"))
    return Tensor(str(told["name"]), str(told["dtype"]), *shapes)
