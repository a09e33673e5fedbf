"""The live model against a bare loop around its session: what the queue costs, and what batches give.

A request alone pays for a queue, a thread and a future. Four streams at once get their answers from batches of whatever
has queued; what that gives beside one frame after the other is the network's and the processor's: a network that keeps
one core busy by itself gains nothing there, and must not lose.
"""

import asyncio
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import Pair
from serving_net import CONTRACT, MODEL, network, picture
from slipway.serving.runtime.figures import Figures
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.session import Session, open_session

FRAMES = 200
"""In a sample."""
STREAMS = 4


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """Alone from a thread, from an event loop, and four streams at once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(network(0).SerializeToString())
        alone, together = (
            LiveModel(LoadedModel(MODEL, "0" * 64, None, "fp32", CONTRACT, open_session(path, CONTRACT)))
            for _ in range(2)
        )
        raw = looping(open_session(path, CONTRACT))
        yield [
            Pair(
                name="runtime: a frame through the live model, from a thread, against the bare session",
                ours=threaded(alone),
                reference=raw,
                unit="ms",
                goal=1.15,
                times=FRAMES,
            ),
            Pair(
                name="runtime: a frame through the live model, from an event loop, against the bare session",
                ours=awaited(alone),
                reference=raw,
                unit="ms",
                goal=1.15,
                times=FRAMES,
            ),
            Pair(
                name=f"runtime: processor time of a frame, {STREAMS} streams at once, against one after the other",
                ours=streaming(together),
                reference=raw,
                unit="ms",
                goal=1.1,
                times=FRAMES,
                clock=time.process_time,
                figures=lambda: batches(together.total()),
            ),
        ]
        alone.close()
        together.close()


def batches(done: Figures) -> dict[str, float]:
    """How full they were, of all that the live model has run."""
    return {"rows in a run": done.rows / max(done.batches, 1)}


def looping(session: Session) -> Callable[[], None]:
    """Frame after frame."""
    frame = {"images": picture()}

    def sample() -> None:
        for _ in range(FRAMES):
            session.run(frame)

    return sample


def threaded(live: LiveModel, frames: int = FRAMES) -> Callable[[], None]:
    """A thread that waits for each answer."""
    frame = {"images": picture()}

    def sample() -> None:
        for _ in range(frames):
            live.submit(frame).result()

    return sample


def awaited(live: LiveModel) -> Callable[[], None]:
    """A task that awaits each answer."""
    frame = {"images": picture()}

    async def ask() -> None:
        for _ in range(FRAMES):
            await asyncio.wrap_future(live.submit(frame))

    return lambda: asyncio.run(ask())


def streaming(live: LiveModel) -> Callable[[], None]:
    """As many threads as streams, each with its share of the frames."""

    def sample() -> None:
        streams = [threading.Thread(target=threaded(live, FRAMES // STREAMS)) for _ in range(STREAMS)]
        for one in streams:
            one.start()
        for one in streams:
            one.join()

    return sample
