"""The supervisor: starts components in their order, keeps them running, and stops them in the reverse order.

One loop in one thread. It sleeps until a component says something, ends or is due, or until somebody asks it to stop;
checks run beside it. What it decides is `keeping`'s; here are the effects. When it is killed, its guardian ends what it
leaves.

It stops when it is asked to (SIGTERM, SIGINT; a second time kills), when a pipe that it holds closes (the guardian's,
or that of the `up` that waits in a terminal), and when a component is given up before all were healthy once.
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from slipway.pipelines.local import keeping
from slipway.pipelines.local.checking import Checking
from slipway.pipelines.local.component import Component
from slipway.pipelines.local.keeping import READY, RUNNING, Kept, Patience, Phase
from slipway.pipelines.local.log import StackLog
from slipway.pipelines.local.place import Place
from slipway.pipelines.local.running import Running
from slipway.pipelines.local.standing import ComponentStanding, Standing

BUSY_SECONDS: Final = 0.1
"""Between two looks while something starts or ends."""
IDLE_SECONDS: Final = 1.0
OWN_NAME: Final = "supervisor"
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@dataclass
class Tended:
    """One component with what became of it."""

    component: Component
    kept: Kept = field(default_factory=Kept)
    running: Running | None = None
    since: float = 0.0
    took: float = 0.0


class Supervisor:
    """Of one stack; made and run once."""

    def __init__(
        self,
        place: Place,
        components: Sequence[Component],
        standing: Standing,
        *,
        holds: Sequence[int] = (),
        patience: Patience = Patience(),  # noqa: B008 - a constant
        checking: Checking | None = None,
    ) -> None:
        self._place, self._standing, self._holds, self._patience = place, standing, holds, patience
        self._tended = {one.name: Tended(one) for one in components}
        self._log = StackLog(place.log)
        self._checking = checking or Checking()
        self._selector = selectors.DefaultSelector()
        self._stops = 0
        self._retry = False
        self._was_healthy = False
        self._written: Standing | None = None

    def run(self) -> int:
        """Until everything has ended; the exit code."""
        with self._awake():
            try:
                while not self._over():
                    self._listen()
                    self._look()
                    self._ask()
                    self._act()
                    self._write()
            finally:
                self._checking.close()
        self._standing = self._standing.model_copy(update={"ended": True})
        self._write()
        self._say("Stopped." if not self._standing.error else f"Stopped: {self._standing.error}")
        self._log.close()
        return 1 if self._standing.error else 0

    # Listening

    @contextmanager
    def _awake(self) -> Iterator[None]:
        """A signal ends the sleep of the loop."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)  # noqa: FBT003 - its only argument
        writer.setblocking(False)  # noqa: FBT003 - its only argument
        self._selector.register(reader, selectors.EVENT_READ, self._awoken)
        for descriptor in self._holds:
            self._selector.register(descriptor, selectors.EVENT_READ, self._let_go)
        before = signal.set_wakeup_fd(writer.fileno())
        handlers = {number: signal.signal(number, self._stop_asked) for number in STOP_SIGNALS}
        handlers[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._retry_asked)
        handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            self._selector.close()
            reader.close()
            writer.close()

    def _listen(self) -> None:
        busy = self._stops or any(
            one.kept.phase not in READY and one.kept.phase is not Phase.GIVEN_UP for one in self._tended.values()
        )
        for key, _ in self._selector.select(BUSY_SECONDS if busy else IDLE_SECONDS):
            hear: Callable[[selectors.SelectorKey], None] = key.data
            hear(key)

    def _awoken(self, key: selectors.SelectorKey) -> None:
        with suppress(BlockingIOError):
            assert isinstance(key.fileobj, socket.socket)  # noqa: S101 - the pair's reader
            key.fileobj.recv(4096)

    def _let_go(self, key: selectors.SelectorKey) -> None:
        self._selector.unregister(key.fileobj)
        self._say("Whoever held this stack is gone: it stops.")
        self._stops = max(1, self._stops)

    def _hear(self, one: Tended) -> Callable[[selectors.SelectorKey], None]:
        def hear(key: selectors.SelectorKey) -> None:
            if one.running is None:
                return
            self._log.write(one.component.name, one.running.read())
            if not one.running.talks:
                self._selector.unregister(key.fileobj)

        return hear

    def _stop_asked(self, number: int, frame: object) -> None:
        del number, frame
        self._stops += 1

    def _retry_asked(self, number: int, frame: object) -> None:
        del number, frame
        self._retry = True

    # Looking

    def _look(self) -> None:
        for one in self._tended.values():
            code = one.running.look() if one.running else None
            if code is not None:
                self._ended(one, code)

    def _ended(self, one: Tended, code: int) -> None:
        assert one.running is not None  # noqa: S101 - it has just ended
        with suppress(KeyError):
            self._selector.unregister(one.running.output)
        self._log.write(one.component.name, one.running.close())
        one.running = None
        self._fell(one, code)

    def _fell(self, one: Tended, code: int) -> None:
        before, now = one.kept, time.monotonic()
        one.since, one.kept = time.time(), keeping.ended(before, one.component, code, now, self._patience)
        name, kept = one.component.name, one.kept
        if kept.phase is Phase.DONE:
            one.took = now - before.since
        if kept.phase is Phase.PAUSING:
            self._say(f"{name}: {kept.why}; again in {kept.again - now:.1f} s.")
        elif kept.phase is Phase.GIVEN_UP:
            self._say(f"{name}: {kept.why}; given up.")
            if not self._was_healthy and not self._stops:
                error = f"{name} does not run: {kept.why}."
                self._standing = self._standing.model_copy(update={"error": error})
                self._stops = 1
        else:
            self._say(f"{name}: {kept.phase}.")

    def _ask(self) -> None:
        now = time.monotonic()
        for one in self._tended.values():
            if one.running and not one.component.once and not one.running.asked:
                self._checking.ask(one.component, one.running.pid, now)
        for name, pid, missing in self._checking.answers(now):
            one = self._tended[name]
            if one.running and one.running.pid == pid:
                before, one.kept = one.kept, keeping.heard(one.kept, missing, now)
                if one.kept.phase is not before.phase:
                    self._say(f"{name}: {one.kept.phase}{f': {missing}' if missing else '.'}")
                    one.took = one.took if missing or before.well else now - before.since

    # Acting

    def _act(self) -> None:
        if self._stops:
            self._stop()
            return
        now = time.monotonic()
        for one in self._tended.values():
            if self._retry:
                one.kept = keeping.tried_again(one.kept, now)
            if self._is_due(one, now):
                self._start(one)
            elif one.running and not one.running.asked and (why := keeping.overdue(one.kept, one.component, now)):
                one.kept = keeping.hastened(one.kept, why)
                self._say(f"{one.component.name}: {why}; it is ended and started again.")
                one.running.ask()
        self._retry = False
        self._was_healthy |= all(one.kept.phase in READY for one in self._tended.values())

    def _is_due(self, one: Tended, now: float) -> bool:
        if one.kept.phase is Phase.PAUSING:
            return now >= one.kept.again
        waits_for = (self._tended[name] for name in one.component.after if name in self._tended)
        return one.kept.phase is Phase.WAITING and all(other.kept.phase in READY for other in waits_for)

    def _start(self, one: Tended) -> None:
        now = time.monotonic()
        one.kept = keeping.begun(one.kept, now)
        self._checking.soon(one.component.name)
        self._say(f"{one.component.name}: starting.")
        try:
            one.running = Running(one.component, time.monotonic)
        except OSError as error:
            self._log.write(one.component.name, [f"{error.filename}: {error.strerror}"])
            self._fell(one, 127)
            return
        one.since = time.time()
        self._selector.register(one.running.output, selectors.EVENT_READ, self._hear(one))

    def _stop(self) -> None:
        """Ask those to end that nobody needs any more; asked twice, end everything at once."""
        needed = {name for one in self._tended.values() if one.kept.phase in RUNNING for name in one.component.after}
        for one in self._tended.values():
            if one.component.name not in needed or one.running is None or self._stops > 1:
                one.kept = keeping.asked_to_stop(one.kept, time.monotonic())
                if one.running:
                    one.running.kill() if self._stops > 1 else one.running.ask()

    def _over(self) -> bool:
        return bool(self._stops) and not any(one.running for one in self._tended.values())

    # Telling

    def _say(self, text: str) -> None:
        self._log.write(OWN_NAME, [text])

    def _write(self) -> None:
        """For others, when something changed."""
        components = tuple(map(self._told, self._tended.values()))
        told = self._standing.model_copy(update={"stopping": bool(self._stops), "components": components})
        if told != self._written:
            with suppress(OSError):  # a full disk; it is tried again
                told.write(self._place)
                self._written = told

    def _told(self, one: Tended) -> ComponentStanding:
        return ComponentStanding(
            name=one.component.name,
            group=one.component.group,
            phase=one.kept.phase,
            since=one.since,
            took=round(one.took, 1),
            pid=one.running.pid if one.running else 0,
            restarts=one.kept.restarts,
            why=one.kept.why,
            address=one.component.address,
            last=self._log.last(one.component.name) if one.kept.phase is Phase.GIVEN_UP else (),
        )


def given_to(descriptors: Sequence[int]) -> None:
    """Descriptors that came from the guardian go no further."""
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - its only argument
