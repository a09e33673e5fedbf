"""The models that are served: by whom they are loaded and exchanged does not matter to the server."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from slipway.serving.runtime.figures import Figures
from slipway.serving.runtime.live import Answer, Live
from slipway.serving.runtime.session import Arrays

if TYPE_CHECKING:
    from concurrent.futures import Future


class Working(Live, Protocol):
    """A live model that tells what it does, such as `runtime.live_model.LiveModel`."""

    @property
    def quick(self) -> bool:
        """Whether its runs are short enough for the server's thread."""

    def submit(self, inputs: Arrays, *, deadline: float | None = None, call: bool = True) -> "Future[Answer]":
        """Admit a request; without `call` whoever asks takes turns."""

    def take_turn(self) -> bool:
        """Run a batch in this thread; whether more waits for such a turn."""

    @property
    def waiting(self) -> int:
        """Requests that wait."""

    @property
    def swaps(self) -> int:
        """How often one model was exchanged for another."""

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
