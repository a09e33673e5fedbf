"""The live model: a bounded queue, one worker thread, and whatever has queued as soon as the worker is free.

There is no window to wait for others in: a request that comes alone runs alone, and under load the batches grow by
themselves, up to what contract and device class allow. Requests keep their order. A thread that asks alone may run a
quick model itself, which spares it two turns of waiting until a thread is woken.

A swap warms the new session first, while the old one answers. Then it takes over between two batches: what waits goes
to it, and the old one is closed by the worker. Where the new contract takes other inputs, or there is no new model,
the old session first answers what was admitted under its contract.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from slipway.serving.errors import WrongUse
from slipway.serving.runtime.batching import Batchable, Buffers, Outputs, parts
from slipway.serving.runtime.figures import Figures
from slipway.serving.runtime.inputs import check_inputs
from slipway.serving.runtime.latencies import warm
from slipway.serving.runtime.live import Answer, Answering, DeadlinePassed, LoadedModel, NoModel, Overloaded
from slipway.serving.runtime.memory import give_back
from slipway.serving.runtime.session import Arrays
from slipway.serving.runtime.waiting import Request, Serving, size_of, take, take_the_same

if TYPE_CHECKING:
    from concurrent.futures import Future

logger = logging.getLogger(__name__)

DEPTH: Final = 64
"""Requests that may wait."""
MILLISECONDS: Final = 1000
Watch = Callable[[LoadedModel, Arrays, Outputs], None]
"""Is shown each batch after it was answered, on the worker's thread; the inputs are overwritten afterwards."""


class LiveModel:
    """`Live` for one model. A session that was swapped in belongs to it, and is closed by it."""

    def __init__(self, loaded: LoadedModel | None = None, *, depth: int = DEPTH, watch: Watch | None = None) -> None:
        self._depth, self._watch = depth, watch
        self._lock = threading.Lock()
        self._wake = threading.Lock()
        self._wake.acquire()
        self._idle = False
        self._running = threading.Lock()
        """Held by whoever runs sessions and closes them: the worker, or a thread that asks alone."""
        self._swapping = threading.Lock()
        self._waiting: deque[Request] = deque()
        self._serving: Serving | None = None
        self._retired: list[Serving] = []
        self._ended = False
        self._past: dict[Answering, Figures] = {}
        self._swaps = 0
        self._buffers = Buffers()
        if loaded is not None:
            self.swap(loaded)
        self._worker = threading.Thread(target=self._work, name="live-model", daemon=True)
        self._worker.start()

    @property
    def loaded(self) -> LoadedModel | None:
        serving = self._serving
        return serving.loaded if serving else None

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    @property
    def swaps(self) -> int:
        """How often one model was exchanged for another."""
        return self._swaps

    def total(self) -> Figures:
        """What was done since the beginning, by whatever model."""
        found = Figures()
        for figures in self.each().values():
            found.merge(figures)
        return found

    def each(self) -> dict[Answering, Figures]:
        """The same, by the release that did it."""
        with self._lock:
            found = {who: figures.copy() for who, figures in self._past.items()}
            for serving in filter(None, (*self._retired, self._serving)):
                found.setdefault(serving.loaded.answering, Figures()).merge(serving.figures)
            return found

    def current(self) -> tuple[float, Figures]:
        """For how many seconds the model of now has answered, and what it has done."""
        with self._lock:
            if self._serving is None:
                return 0.0, Figures()
            return time.monotonic() - self._serving.since, self._serving.figures.copy()

    def submit(self, inputs: Arrays, *, deadline: float | None = None) -> "Future[Answer]":
        serving = self._serving
        if serving is None:
            raise NoModel("No model answers here.")
        check_inputs(serving.loaded.contract, inputs)
        request = Request(inputs, serving, deadline)
        with self._lock:
            if self._serving is not serving:
                request.under = self._moved(serving)
            figures = request.under.figures
            if len(self._waiting) >= self._depth and not self._forget_cancelled():
                figures.refused += 1
                raise Overloaded(f"{self._depth} requests wait already.", mend="Ask again later, or ask for less.")
            figures.admitted += 1
            idle, self._idle = self._idle, False
            self._waiting.append(request)
        if idle:
            self._wake.release()  # now that the lock is free, or the worker would wake to wait for it
        return request.future

    def answer_here(self, inputs: Arrays, *, deadline: float | None = None) -> Answer | None:
        """Answer in the caller's own thread; None where it has to `submit`, as there is other work or runs are slow.

        What is wrong with the request is raised, as `submit` or its future would.
        """
        serving = self._serving
        if serving is None or self._waiting or not self._running.acquire(blocking=False):
            return None
        try:
            check_inputs(serving.loaded.contract, inputs)
            with self._lock:
                if self._serving is not serving or self._waiting or not serving.pace.quick(size_of(inputs)):
                    return None
                serving.figures.admitted += 1
            request = Request(inputs, serving, deadline)
            self._answer([request])
            return request.future.result()
        finally:
            self._running.release()

    def _forget_cancelled(self) -> bool:
        """Make room of what nobody waits for any more; whether there is some."""
        left = deque[Request]()
        for request in self._waiting:
            if request.future.cancelled():
                request.under.figures.dropped += 1
            else:
                left.append(request)
        self._waiting = left
        return len(left) < self._depth

    def _moved(self, before: Serving) -> Serving:
        """Who answers what was checked for a model that was exchanged in the meantime."""
        if self._serving is None:
            raise NoModel("No model answers here any more.")
        if not _passes_on(before, self._serving):
            raise WrongUse("The model was just exchanged for one that takes other inputs.", mend="Ask again.")
        return self._serving

    def swap(self, loaded: LoadedModel | None) -> None:
        with self._swapping:
            before = self._serving
            lent = before is not None and loaded is not None and before.loaded.session is loaded.session
            serving = None if loaded is None else _ready(loaded, warmed=lent)
            with self._lock:
                ended = self._ended
                if not ended:
                    self._hand_over(serving, lent=lent)
        if not ended:
            self._call_worker()
        elif loaded is not None:
            if not lent:
                loaded.session.close()
            raise NoModel("This was closed already and takes no model any more.")

    def _hand_over(self, serving: Serving | None, *, lent: bool = False) -> None:
        before, self._serving = self._serving, serving
        if before is None:
            return
        self._swaps += serving is not None
        before.lent = lent
        self._retired.append(before)
        if serving is not None and _passes_on(before, serving):
            for request in self._waiting:
                if request.under is before:
                    request.under = serving

    def close(self, seconds: float | None = None) -> None:
        with self._lock:
            self._ended = True
            self._hand_over(None)
        self._call_worker()
        if threading.current_thread() is not self._worker:
            self._worker.join(seconds)
        with self._lock:
            left = [*self._waiting]
            self._waiting.clear()
            for request in left:
                request.under.figures.dropped += 1
        for request in left:
            if request.future.set_running_or_notify_cancel():
                request.future.set_exception(NoModel("This was closed before the request's turn came."))

    def _work(self) -> None:
        """The worker: batch after batch, until this was closed and nothing waits."""
        while (batch := self._next()) is not None:
            with self._running:
                if batch:
                    self._answer(batch)
                del batch  # frames are large
                self._close_unneeded()

    def _next(self) -> list[Request] | None:
        """What runs next; nothing where sessions have to be closed, None at the end."""
        while True:
            with self._lock:
                if self._waiting:
                    return take(self._waiting)
                if self._retired or self._ended:
                    return [] if self._retired else None
                self._idle = True
            self._wake.acquire()

    def _call_worker(self) -> None:
        """There is something to do besides requests."""
        with self._lock:
            idle, self._idle = self._idle, False
        if idle:
            self._wake.release()

    def _close_unneeded(self) -> None:
        for serving in self._unneeded():
            if not serving.lent:
                _close(serving.loaded)
                del serving
                give_back()

    def _unneeded(self) -> list[Serving]:
        """Retired ones that nothing waits for; they are not told again."""
        if not self._retired:
            return []
        with self._lock:
            needed = {id(request.under) for request in self._waiting}
            found = [one for one in self._retired if id(one) not in needed]
            self._retired = [one for one in self._retired if id(one) in needed]
            for serving in found:
                self._past.setdefault(serving.loaded.answering, Figures()).merge(serving.figures)
            return found

    def _answer(self, batch: list[Request]) -> None:
        begun = time.monotonic()
        wanted = [one for one in batch if one.future.set_running_or_notify_cancel()]
        late = [one for one in wanted if one.late(begun)]
        if gone := len(batch) - len(wanted) + len(late):
            with self._lock:
                batch[0].under.figures.dropped += gone
            wanted = [one for one in wanted if not one.late(begun)]
        for request in late:
            request.future.set_exception(DeadlinePassed("The request's deadline had passed when its turn came."))
        if wanted:
            self._run(wanted, begun)

    def _run(self, batch: Sequence[Request], begun: float) -> None:
        serving = batch[0].under
        loaded, rows = serving.loaded, [one.rows for one in batch]
        try:
            inputs = self._buffers.joined([one.inputs for one in batch], sum(rows), serving.batchable.most)
            outputs = loaded.session.run(inputs)
            answers = [Answer(part, loaded.bundle, loaded.release, loaded.variant) for part in parts(outputs, rows)]
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who asked
            with self._lock:
                serving.figures.failed += len(batch)
                serving.figures.batches += 1
            for request in batch:
                request.future.set_exception(error)
            return
        self._told(serving, batch, (sum(rows), size_of(inputs)), begun)
        for request, answer in zip(batch, answers, strict=True):
            request.future.set_result(answer)
        self._show(loaded, inputs, outputs)

    def _told(self, serving: Serving, batch: Sequence[Request], ran: tuple[int, int], begun: float) -> None:
        """Count a run of rows and bytes, before anybody hears of it: whoever has an answer finds it counted."""
        ended = time.monotonic()
        latencies = [(ended - one.admitted) * MILLISECONDS for one in batch]
        with self._lock:
            serving.figures.ran(ran[0], (ended - begun) * MILLISECONDS, latencies)
            serving.pace.note(ran[1], ended - begun)

    def _show(self, loaded: LoadedModel, inputs: Arrays, outputs: Outputs) -> None:
        try:
            if self._watch is not None:
                self._watch(loaded, inputs, outputs)
        except Exception:
            logger.exception("What watches the answers of %s failed.", loaded.bundle)


def _ready(loaded: LoadedModel, *, warmed: bool) -> Serving:
    """Able to answer at once; closed where it cannot."""
    batchable = Batchable.of(loaded.contract, loaded.batch)
    if not warmed:
        try:
            for sizes in batchable.sizes(loaded.contract):
                warm(loaded.session, loaded.contract, sizes)
        except BaseException:
            loaded.session.close()
            raise
        give_back()
    return Serving(loaded, batchable)


def _close(loaded: LoadedModel) -> None:
    try:
        loaded.session.close()
    except Exception:
        logger.exception("A session of %s could not be closed.", loaded.bundle)


def _passes_on(before: Serving, serving: Serving) -> bool:
    return take_the_same(before.loaded.contract, serving.loaded.contract)
