"""A camera kept alive: read in a thread of its own, watched by another, opened again when it breaks.

Frames wait in a short queue; when nobody takes them the oldest are dropped and counted. A camera that gives none for
the deadline is lost, whatever its reader does meanwhile. A reader that hangs in a driver is left to itself and the
camera is opened by a new one, so often as `Timing.hung` allows. Waits between tries grow, and are drawn, so that the
cameras of a site do not come back in one moment.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from slipway.serving.errors import SlipwayError
from slipway.serving.runtime.cameras.feed import Feed, NoPicture, Opener
from slipway.serving.runtime.cameras.health import Known, Limits, judge, look_at
from slipway.serving.runtime.cameras.stored import Now, utc_now
from slipway.serving.runtime.source import CameraState, Counts, Frame, Image, Notice, Tell

log = logging.getLogger(__name__)
Result = TypeVar("Result")
GROWING: Final = 2.0
LONGEST_EXPONENT: Final = 16


@dataclass(frozen=True)
class Timing:
    """How a camera is kept alive; times are seconds."""

    deadline: float = 10.0
    """Without a frame for so long, a camera is lost."""
    first_wait: float = 0.5
    """Before a camera is opened again; doubled after each try in vain."""
    longest_wait: float = 30.0
    every: float = 0.0
    """Between two frames at least; what comes in between is looked at and is no frame of the stream."""
    look_every: float = 0.5
    """Between two judgements of the picture."""
    waiting: int = 2
    """Frames that wait for somebody."""
    hung: int = 3
    """Readers that may hang in a driver before no new one is begun."""
    patience: float = 3.0
    """A reader hangs when one call takes so many deadlines."""
    ending: float = 2.0
    """So long the end of `frames` waits for the reader, which is best not cut off in a library's midst."""


class LiveSource:
    """A camera; its threads begin with `frames` and end with `close`."""

    live = True

    def __init__(  # noqa: PLR0913 - what is not said by name are defaults
        self,
        stream: str,
        opener: Opener,
        *,
        tell: Tell,
        timing: Timing = Timing(),
        limits: Limits = Limits(),  # noqa: B008 - frozen
        now: Now = utc_now,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
    ) -> None:
        self.stream = stream
        self._opener, self._timing, self._limits = opener, timing, limits
        self._now, self._clock, self._tell = now, clock, tell
        self._chance = chance or random.Random()  # noqa: S311 - spreads waits
        self._turn = threading.Condition()
        self._frames: deque[Frame] = deque()
        self._counts = Counts()
        self._closed = threading.Event()
        self._ended = False
        self._thread: threading.Thread | None = None
        self._reader = 0
        """The number of the reader whose frames count; those before it hang."""
        self._calling_since: float | None = None
        self._last_frame: float | None = None
        self._due = self._last_look = float("-inf")
        self._begun = 0.0
        self._known = Known()
        self._state: CameraState | None = None
        self._size: tuple[int, int] | None = None
        self._failure = "no frame has come yet"

    @property
    def state(self) -> CameraState:
        return self._state or CameraState.LOST

    @property
    def counts(self) -> Counts:
        return self._counts

    def frames(self) -> Iterator[Frame]:
        self._begun = self._clock()
        self._begin_reader()
        threading.Thread(target=self._watch, name=f"watch-{self.stream}", daemon=True).start()
        try:
            while (frame := self._next()) is not None:
                yield frame
        finally:
            self.close()
            if self._thread is not None:
                self._thread.join(self._timing.ending)
            with self._turn:
                self._counts = replace(self._counts, dropped=self._counts.dropped + len(self._frames))
                self._frames.clear()

    def close(self) -> None:
        self._closed.set()
        with self._turn:
            self._turn.notify_all()

    def _next(self) -> Frame | None:
        with self._turn:
            while not self._closed.is_set():
                if self._frames:
                    return self._frames.popleft()
                if self._ended:
                    return None
                self._turn.wait()
            return None

    def _begin_reader(self) -> None:
        with self._turn:
            self._reader += 1
            self._calling_since = None
            number = self._reader
        name = f"camera-{self.stream}"
        self._thread = threading.Thread(target=self._read, args=(number,), name=name, daemon=True)
        self._thread.start()

    def _read(self, number: int) -> None:
        """Open, read, and open again; until closed, ended, or replaced by another reader."""
        vain = 0
        while self._counts_on(number):
            before = self._counts.received
            try:
                if self._read_once(number):
                    self._end(number)
                    return
            except Exception as error:  # noqa: BLE001 - whatever a camera makes a library do
                self._failed(number, error)
            vain = 0 if self._counts.received > before else vain + 1
            self._closed.wait(wait_before(vain, self._timing, self._chance))

    def _read_once(self, number: int) -> bool:
        """One connection; True where there will never be another frame."""
        feed = self._call(number, self._opener)
        self._counts = replace(self._counts, connections=self._counts.connections + 1)
        try:
            while self._counts_on(number):
                try:
                    image = self._call(number, feed.read)
                except NoPicture as error:
                    self._counts = replace(self._counts, unreadable=self._counts.unreadable + 1)
                    self._failure = str(error)
                    continue
                if image is None:
                    return True
                self._take(number, image)
        finally:
            _close(feed)
        return False

    def _call(self, number: int, function: Callable[[], Result]) -> Result:
        """Note since when a reader is in a call that may hang."""
        if self._reader == number:
            self._calling_since = self._clock()
        try:
            return function()
        finally:
            if self._reader == number:
                self._calling_since = None

    def _take(self, number: int, image: Image) -> None:
        at = self._clock()
        with self._turn:
            if not self._counts_on(number):
                return
            self._last_frame = at
            if at >= self._due:
                # A pace: a frame that comes late does not move those after it.
                self._due = max(self._due + self._timing.every, at + self._timing.every / 2)
                self._put(image)
        self._look(image, at)

    def _put(self, image: Image) -> None:
        received, dropped = self._counts.received + 1, self._counts.dropped
        if len(self._frames) >= self._timing.waiting:
            self._frames.popleft()
            dropped += 1
        self._counts = replace(self._counts, received=received, dropped=dropped)
        self._frames.append(Frame(self.stream, received, self._now(), image))
        self._turn.notify()

    def _look(self, image: Image, at: float) -> None:
        size = (image.shape[1], image.shape[0])
        if at - self._last_look >= self._timing.look_every:
            self._last_look = at
            self._known = judge(self._known, look_at(image, at), self._limits)
        before, self._size = self._size, size
        told = f"the picture is {size[0]} x {size[1]}"
        if before is None:
            self._become(self._known.state, told)
        else:
            again = self._state is CameraState.LOST
            self._become(self._known.state, f"frames come again, {told}" if again else self._known.detail)
            if before != size:
                self._say(self.state, self.state, f"{told} now, {before[0]} x {before[1]} before")

    def _watch(self) -> None:
        """Tell when no frames come, and begin another reader where one hangs."""
        timing = self._timing
        while not self._closed.wait(timing.deadline / 8):
            if self._ended:
                return
            at = self._clock()
            silent = at - (self._last_frame if self._last_frame is not None else self._begun)
            if silent >= timing.deadline:
                self._become(CameraState.LOST, f"no frame for {silent:.0f} s: {self._failure}")
            since = self._calling_since
            hangs = since is not None and at - since >= timing.deadline * timing.patience
            if hangs and self._reader <= timing.hung:
                self._failure = "its driver hangs"
                self._begin_reader()

    def _failed(self, number: int, error: Exception) -> None:
        if self._reader != number or self._closed.is_set():
            return
        known = isinstance(error, SlipwayError)
        self._failure = str(error) if known else f"{type(error).__name__}: {error}"
        if not known:
            log.warning("The camera %s failed: %s", self.stream, self._failure)
        if self._last_frame is None:  # a wrong address is told at once
            self._become(CameraState.LOST, self._failure)

    def _end(self, number: int) -> None:
        with self._turn:
            if self._reader == number:
                self._ended = True
                self._turn.notify_all()

    def _become(self, state: CameraState, detail: str) -> None:
        with self._turn:
            was = self._state
            if state is was:
                return
            self._state = state
            self._say(state, was, detail)  # here, so that what is told stands in the order of what happened

    def _say(self, state: CameraState, was: CameraState | None, detail: str) -> None:
        if not self._closed.is_set():
            self._tell(Notice(self.stream, self._now(), state, was, detail))

    def _counts_on(self, number: int) -> bool:
        return self._reader == number and not self._closed.is_set()


def wait_before(vain: int, timing: Timing, chance: random.Random) -> float:
    """Seconds until a camera is opened again after so many tries in vain."""
    longest = min(timing.first_wait * GROWING ** min(vain, LONGEST_EXPONENT), timing.longest_wait)
    return longest * chance.uniform(0.5, 1.0)


def _close(feed: Feed) -> None:
    try:
        feed.close()
    except Exception as error:  # noqa: BLE001 - it is of no use any more
        log.debug("A feed could not be closed: %s", error)
