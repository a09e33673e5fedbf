"""The shipper: tells MLflow what happens in an attempt, from outside the training, whatever MLflow is doing.

A thread of the runner reads the journal and sends what is new. While MLflow is away nothing stops and nothing is
kept in memory: it is asked again with growing pauses, and the journal is read on from where it was. `standing` says
how far it is behind, and since when. `close` waits a bounded time for the rest; what is left then is sent from the
store by `catching_up`, because `unshipped/<key>` stays until everything has arrived. Every shipper does that for the
works of others as well, one at a time, when it has nothing else to do.

It begins when the training has logged something, or after `head_start` seconds: until the first step the machine has
better things to do.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.runs.journal import events
from slipway.platform.runs.records import Outcome, State
from slipway.platform.runs.tracking.catching_up import catch_up, has_ended, mark, marked, unmark
from slipway.platform.runs.tracking.described import Described
from slipway.platform.runs.tracking.shipment import Shipment
from slipway.platform.runs.tracking.tracker import Tracker
from slipway.platform.runs.workplace import Workplace
from slipway.platform.store import Store

SHORTEST_PAUSE: Final = 1.0
"""Before MLflow is asked again after trouble; doubled each time up to the longest."""
LONGEST_PAUSE: Final = 30.0
LOOK_SECONDS: Final = 0.25
BLOCK: Final = 1024 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far the shipper is."""

    shipped: int = 0
    """Events of the journal that MLflow knows."""
    behind: int = 0
    """Events that it does not know yet."""
    since: float | None = None
    """Time since when MLflow cannot be used; None while it can."""
    problem: str = ""
    """Why not."""
    page: str = ""
    """Where a person looks at the run."""
    refused: tuple[str, ...] = ()
    """What MLflow will never take."""
    complete: bool = False
    """All of an ended attempt has arrived."""

    def line(self) -> str:
        """The trouble in words, or nothing."""
        if self.since is None:
            return ""
        what = f"is behind by {self.behind:,} events" if self.behind else "takes no files"
        return f"MLflow {what} since {time.strftime('%H:%M:%S', time.localtime(self.since))}"


class Shipper:
    """Runs from `start` to `close`."""

    def __init__(
        self,
        store: Store,
        open_tracker: Callable[[], Tracker],
        described: Described,
        workplace: Workplace,
        *,
        pause: float = 2.0,
        head_start: float = 10.0,
        shortest_pause: float = SHORTEST_PAUSE,
    ) -> None:
        self._store, self._open = store, open_tracker
        self._described, self._workplace = described, workplace
        self._pause, self._head_start, self._shortest_pause = pause, head_start, shortest_pause
        self._shipment: Shipment | None = None
        self._lines = LineCount(workplace)
        self._trouble: SlipwayError | None = None
        self._since: float | None = None
        self._outcome: Outcome | None = None
        self._closing = threading.Event()
        self._given_up = threading.Event()
        self._complete = False
        self._marked = False
        self._others: list[str] | None = None
        self._thread = threading.Thread(target=self._run, name="slipway-shipper", daemon=True)

    @property
    def standing(self) -> Progress:
        """How far it is, at any moment, from any thread."""
        shipment = self._shipment
        shipped = shipment.shipped if shipment else 0
        return Progress(
            shipped=shipped,
            behind=max(0, self._lines.total - shipped),
            since=self._since,
            problem=str(self._trouble or ""),
            page=shipment.page if shipment else "",
            refused=tuple(shipment.refused) if shipment else (),
            complete=self._complete,
        )

    def start(self) -> None:
        """Begin to look at the journal. From here on the store says that MLflow may not know everything."""
        with suppress(SlipwayError):  # it is said again before anything is sent
            self._mark()
        self._thread.start()

    def close(self, outcome: Outcome, patience: float) -> Progress:
        """Send the rest and how it ended, for so many seconds at most; `complete` says whether all arrived."""
        self._outcome = outcome
        if outcome.state is not State.LOST:
            self._closing.set()
            if self._thread.ident is not None:
                self._thread.join(patience)
        self.abandon()
        self._lines.count()
        return self.standing

    def abandon(self) -> None:
        """Send nothing more: the work is another attempt's now, or nobody waits any longer."""
        self._given_up.set()
        self._closing.set()

    def _run(self) -> None:
        self._wait_for_first_step()
        with ExitStack() as leaving:
            try:
                self._keep_sending(leaving)
            except Exception as error:  # a bug here must not be silent, and must not end a training
                log.exception("The shipper has stopped; what is left is sent later.")
                self._note(SlipwayError(f"{type(error).__name__}: {error}"))

    def _keep_sending(self, leaving: ExitStack) -> None:
        tracker: Tracker | None = None
        pause = self._shortest_pause
        while not self._given_up.is_set():
            try:
                if tracker is None:
                    self._mark()
                    tracker = self._open()
                    leaving.callback(tracker.close)
                if self._pass(tracker):
                    return
                self._trouble, self._since, pause = None, None, self._shortest_pause
            except SlipwayError as error:
                self._note(error)
                if isinstance(error, WrongUse):  # waiting will not mend it
                    return
                self._wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _mark(self) -> None:
        if not self._marked:
            mark(self._store, self._described.parts.key)
            self._marked = True

    def _pass(self, tracker: Tracker) -> bool:
        """Send what there is; True when the attempt has ended and all of it has arrived."""
        if self._shipment is None:
            self._shipment = Shipment(self._store, tracker, self._described, self._workplace)
        if self._trouble is not None or self._shipment.run is None:
            self._shipment.begin()
        outcome = self._outcome  # read before the journal: nothing is written behind the end
        while not self._given_up.is_set() and self._shipment.advance():
            self._lines.count()
        if self._given_up.is_set():
            return False
        if outcome is None:
            self._help_another(tracker)
            self._closing.wait(self._pause)
            return False
        self._shipment.finish(outcome)
        if self._given_up.is_set():  # the workplace may have gone meanwhile
            return False
        if self._shipment.newest:
            unmark(self._store, self._described.parts.key)
        self._trouble, self._since, self._complete = None, None, True
        return True

    def _help_another(self, tracker: Tracker) -> None:
        """While there is nothing to do here: tell MLflow what it could not be told of works that have ended."""
        if self._others is None:
            self._others = [key for key in marked(self._store) if key != self._described.parts.key]
        if not self._others:
            return
        key = self._others.pop()
        try:
            if has_ended(self._store, key):
                catch_up(self._store, tracker, key, stop=self._closing.is_set)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with another's record is no matter here
            log.warning("MLflow could not be told the rest of %s: %s", key, error)

    def _wait(self, pause: float) -> None:
        """Until it makes sense to ask again; at the end that is soon."""
        if not self._closing.is_set():
            self._closing.wait(pause)
        else:
            self._given_up.wait(self._shortest_pause)

    def _note(self, error: SlipwayError) -> None:
        if self._since is None:
            self._since = time.time()
            log.warning("%s The training goes on, and what happens is sent later.", error)
        self._trouble = error
        self._lines.count()

    def _wait_for_first_step(self) -> None:
        begun = time.monotonic()
        while time.monotonic() < begun + self._head_start and not self._closing.wait(LOOK_SECONDS):
            if any(event["kind"] == "metrics" for event, _ in events(self._workplace.journal)):
                return


class LineCount:
    """How many whole lines the journal has, counted as it grows."""

    def __init__(self, workplace: Workplace) -> None:
        self._path = workplace.journal
        self._offset = 0
        self._lock = threading.Lock()
        self.total = 0

    def count(self) -> None:
        """Take in what is new."""
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    file.seek(self._offset)
                    while block := file.read(BLOCK):
                        self.total += block.count(b"\n")
                        self._offset += len(block)
            except OSError:
                return
