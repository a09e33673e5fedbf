"""The models that are served: by whom they are loaded and exchanged does not matter to the server."""

from collections.abc import Mapping
from typing import Protocol

from slipway.serving.runtime.figures import Figures
from slipway.serving.runtime.live import Answer, Live
from slipway.serving.runtime.session import Arrays


class Working(Live, Protocol):
    """A live model that tells what it does, such as `runtime.live_model.LiveModel`."""

    @property
    def waiting(self) -> int:
        """Requests that wait."""

    @property
    def swaps(self) -> int:
        """How often one model was exchanged for another."""

    def answer_here(self, inputs: Arrays, *, deadline: float | None = None) -> Answer | None:
        """Answer in the caller's own thread; None where it has to `submit`, as there is other work or runs are slow."""

    def total(self) -> Figures:
        """What was done since the beginning."""


class Models(Protocol):
    """What is served; methods are called from the server's thread and return at once, `close` aside."""

    def lives(self) -> Mapping[str, Working]:
        """Each model that is meant to answer, by its name in addresses; with nothing loaded it is not there yet."""

    def problems(self) -> Mapping[str, str]:
        """Why a model is not the newest that it could be, or not there at all."""

    def reload(self) -> None:
        """Look for newer ones soon, in another thread."""

    def close(self, seconds: float) -> None:
        """Answer what was admitted, and end."""
