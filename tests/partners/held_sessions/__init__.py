"""Sessions of the small classifier that can be held up while they run, and models whose answers tell who gave them."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import small_onnx
from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.live import Answer, LoadedModel
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.session import Provider, Session, open_session

if TYPE_CHECKING:
    from concurrent.futures import Future

SECONDS = 30


class Watched:
    """A real session that can be held up, and that tells what was asked of it."""

    providers: Sequence[Provider] = ("cpu",)

    def __init__(self, session: Session) -> None:
        self._session = session
        self.runs: list[dict[str, Any]] = []
        self.entered, self.free = threading.Event(), threading.Event()
        self.free.set()
        self.closed = threading.Event()
        self.failure: Exception | None = None
        self.short = False

    def hold(self) -> None:
        self.runs.clear()
        self.entered.clear()
        self.free.clear()

    def run(self, inputs: Any) -> dict[str, Any]:
        assert not self.closed.is_set()
        self.runs.append(dict(inputs))
        self.entered.set()
        assert self.free.wait(SECONDS)
        if self.failure:
            raise self.failure
        found = self._session.run(inputs)
        return {"logits": found["logits"][:-1]} if self.short else found

    def close(self) -> None:
        assert not self.closed.is_set(), "closed twice"
        self.closed.set()

    @property
    def rows(self) -> list[int]:
        return [len(one["images"]) for one in self.runs]


def opened(
    folder: Path, seed: int = 0, contract: Contract = small_onnx.CONTRACT, **parts: Any
) -> tuple[LoadedModel, Watched]:
    """The classifier with a seed, which is also the bundle's name."""
    path = folder / f"{seed}.onnx"
    path.write_bytes(small_onnx.classifier(seed).SerializeToString())
    session = Watched(open_session(path, small_onnx.CONTRACT))
    given: dict[str, Any] = {"model": "small-bays", "release": seed, "variant": "fp32", **parts}
    return LoadedModel(bundle=str(seed), contract=contract, session=session, **given), session


def right(answer: Answer, images: Any) -> bool:
    """Whether it is what the model that it names says of these images."""
    expected = small_onnx.answers(images, int(answer.bundle))
    return bool(np.allclose(np.asarray(answer.outputs["logits"], np.float64), expected, rtol=1e-3, atol=1e-2))


def some(count: int = 1, seed: int = 7) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 4, 4), np.uint8)


def held(live: LiveModel, session: Watched) -> "Future[Answer]":
    """Begin a run that does not end before the session is set free."""
    session.hold()
    found = live.submit({"images": some(1, 99)})
    assert session.entered.wait(SECONDS)
    return found


def until(what: Callable[[], bool]) -> bool:
    """Ask again and again, for as long as that may take."""
    end = time.monotonic() + SECONDS
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.001)
    return found
