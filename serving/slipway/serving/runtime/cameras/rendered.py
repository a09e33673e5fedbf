"""Cameras that other distributions bring, by the entry-point group `slipway.cameras`.

An entry point is a function from what follows its name in the address to an iterator of RGB pictures:
`world = "slipway.training.world.camera:open_camera"` renders `world:tiny/harbour/gate`. A device has none of them; they
are for tries and tests.
"""

import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Final

from slipway.serving.errors import SlipwayError, WrongUse
from slipway.serving.runtime.cameras.address import FORMS, Address
from slipway.serving.runtime.cameras.feed import FeedBroken
from slipway.serving.runtime.source import Image

GROUP: Final = "slipway.cameras"
FPS: Final = 2.0
"""Of a rendered camera that is told nothing else."""

Renderer = Callable[[str], Iterator[Image]]


class RenderedFeed:
    """Pictures of a renderer, at a pace like a camera's or as fast as they are taken."""

    def __init__(self, pictures: Iterator[Image], *, fps: float, frames: int | None) -> None:
        self._pictures, self._fps, self._left = pictures, fps, frames
        self._closed = threading.Event()
        self._due = time.monotonic()

    def read(self) -> Image | None:
        if self._left == 0 or self._closed.is_set():
            return None
        if self._left is not None:
            self._left -= 1
        try:
            picture = next(self._pictures, None)
        except Exception as error:  # noqa: BLE001 - whatever a renderer of somebody else does
            raise FeedBroken(f"The renderer failed: {type(error).__name__}: {error}") from None
        if self._fps:
            self._due = max(self._due + 1 / self._fps, time.monotonic() - 1)
            self._closed.wait(max(0.0, self._due - time.monotonic()))
        return picture

    def close(self) -> None:
        self._closed.set()


def find_renderer(address: Address) -> Renderer:
    """The function that an address names."""
    found = {one.name: one for one in entry_points(group=GROUP)}
    if address.provider not in found:
        known = f" Renderers here: {', '.join(sorted(found))}." if found else ""
        raise WrongUse(
            f"`{address.shown}` is no file that is there, and nothing here renders `{address.provider}:`.{known}",
            mend=f"Give {FORMS}. `world:` comes with slipway-training.",
        )
    try:
        renderer: Renderer = found[address.provider].load()
    except Exception as error:
        raise SlipwayError(f"`{address.provider}:` does not load: {type(error).__name__}: {error}.") from error
    return renderer


def open_rendered(address: Address) -> RenderedFeed:
    """The feed of a rendered camera; what its renderer says of the address is the person's to hear."""
    renderer = find_renderer(address)
    try:
        pictures = renderer(address.place)
    except Exception as error:
        raise WrongUse(str(error) or type(error).__name__, mend=getattr(error, "mend", None)) from error
    frames = address.options.get("frames")
    return RenderedFeed(pictures, fps=address.options.get("fps", FPS), frames=None if frames is None else int(frames))
