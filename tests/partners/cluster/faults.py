"""What may go wrong between a client and the server, on demand."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Effect(StrEnum):
    """What becomes of a request."""

    ANSWER = "answer"
    """An error is answered, and nothing is done."""
    HANG = "hang"
    """Nothing is done, and nothing is answered until the client gives up."""
    DROP = "drop"
    """Nothing is done, and the connection is closed."""
    LOSE_ANSWER = "lose answer"
    """It is done, and the connection is closed instead of an answer."""


@dataclass(frozen=True)
class Request:
    """What a client asked, in RBAC's words."""

    verb: str
    resource: str
    """With a subresource: `pods/log`."""
    group: str
    namespace: str
    name: str
    user: str


@dataclass
class Fault:
    """Meets the next requests that match."""

    effect: Effect
    status: int = 500
    reason: str = "InternalError"
    retry_after: int | None = None
    times: int = 1
    verb: str | None = None
    resource: str | None = None
    met: int = field(default=0, init=False)

    def meets(self, request: Request) -> bool:
        """Whether this request is meant; each one counts."""
        if (
            self.met >= self.times
            or self.verb not in {None, request.verb}
            or self.resource not in {None, request.resource}
        ):
            return False
        self.met += 1
        return True


class Faults:
    """The faults that wait for requests: each for so many `times`, of the `verb` and `resource` that it names."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._cutters: list[Callable[[], None]] = []
        self.over = threading.Event()
        """Set when what hangs should hang no more."""

    def fail(self, status: int = 500, *, times: int = 1, verb: str | None = None, resource: str | None = None) -> Fault:
        """Answer with an error of the server's."""
        return self._add(Fault(Effect.ANSWER, status, times=times, verb=verb, resource=resource))

    def throttle(
        self, retry_after: int = 1, *, times: int = 1, verb: str | None = None, resource: str | None = None
    ) -> Fault:
        """Answer 429, with the seconds after which to ask again."""
        fault = Fault(Effect.ANSWER, 429, "TooManyRequests", retry_after, times, verb, resource)
        return self._add(fault)

    def hang(self, *, times: int = 1, verb: str | None = None, resource: str | None = None) -> Fault:
        """Say nothing."""
        return self._add(Fault(Effect.HANG, times=times, verb=verb, resource=resource))

    def drop(self, *, times: int = 1, verb: str | None = None, resource: str | None = None) -> Fault:
        """Close the connection before anything is done."""
        return self._add(Fault(Effect.DROP, times=times, verb=verb, resource=resource))

    def lose_answer(self, *, times: int = 1, verb: str | None = None, resource: str | None = None) -> Fault:
        """Do it, and close the connection instead of answering."""
        return self._add(Fault(Effect.LOSE_ANSWER, times=times, verb=verb, resource=resource))

    def drop_watches(self) -> int:
        """Close the connections of all watches and followed logs that are open now; how many there were."""
        with self._lock:
            cutters, self._cutters = self._cutters, []
        for cut in cutters:
            cut()
        return len(cutters)

    def clear(self) -> None:
        """Let everything go well again, and what hangs end."""
        with self._lock:
            self._waiting.clear()
        self.release()

    def release(self) -> None:
        """Let what hangs end."""
        self.over.set()
        self.over = threading.Event()

    def next_for(self, request: Request) -> Fault | None:
        """The fault that this request meets."""
        with self._lock:
            return next((fault for fault in self._waiting if fault.meets(request)), None)

    def streaming(self, cut: Callable[[], None]) -> None:
        """A stream begins, which may be cut."""
        with self._lock:
            self._cutters.append(cut)

    def ended(self, cut: Callable[[], None]) -> None:
        """A stream ended by itself."""
        with self._lock:
            if cut in self._cutters:
                self._cutters.remove(cut)

    def _add(self, fault: Fault) -> Fault:
        with self._lock:
            self._waiting.append(fault)
        return fault
