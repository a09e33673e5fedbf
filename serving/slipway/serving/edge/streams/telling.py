"""What streams tell others while they work: each decision, each count, each change of a camera."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from slipway.serving.edge.streams.rules import Rules
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.session import Arrays
from slipway.serving.runtime.source import Notice

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Decided:
    """One decision of one model about one picture, or about a part of it."""

    id: str
    stream: str
    taken: datetime
    """When the frame was."""
    loaded: LoadedModel
    """Who decided: model, release, bundle, contract."""
    inputs: Arrays
    outputs: Arrays
    """One row each. They are only lent: whoever keeps them takes a copy."""
    scores: Sequence[float]
    """Of the boxes that were found, or of the answer; none for a vector."""
    embedding: Vector | None
    latency_ms: float
    """From asking to the answer."""
    picture: Callable[[], bytes]
    """What was looked at, as JPEG; made when it is called for."""
    rules: Rules = Rules()  # noqa: RUF009 - frozen
    """What of a site's configuration it was taken by."""
    said: Mapping[str, Any] = field(default_factory=dict)
    """The answer as JSON, for whoever labels the picture: `answer` and `score`, or `boxes` in its pixels."""

    @property
    def confidence(self) -> float | None:
        """The lowest score, for it is the doubtful ones that are worth a look; None where there is none."""
        return min(self.scores) if self.scores else None


class Telemetry(Protocol):
    """Who is told. Called from the streams' threads: it must be quick, and what it raises is not heard."""

    def decided(self, one: Decided) -> None:
        """A decision was taken."""

    def count(self, name: str, times: int = 1) -> None:
        """Something happened so often: `frames.<stream>.<what>`, what being one of `stream.COUNTED`."""

    def noticed(self, notice: Notice) -> None:
        """A camera's state or size changed."""


class Nobody:
    """Telemetry that goes nowhere."""

    def decided(self, one: Decided) -> None:
        pass

    def count(self, name: str, times: int = 1) -> None:
        pass

    def noticed(self, notice: Notice) -> None:
        pass
