"""Answers that take long, kept for a while: no page waits for a store that is far away, or for a sum over a day.

Each question is asked by one thread at a time, and only while somebody looks. Whoever asks waits a moment; then the
last answer is shown with its age, or that there is none yet. What goes wrong is told, and the last answer stays.
"""

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar, cast

from sqlalchemy.exc import SQLAlchemyError

from slipway.platform.errors import SlipwayError as PlatformError
from slipway.serving.errors import SlipwayError

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
PATIENCE_S: Final = 0.25
"""So long a page waits for an answer that it has not."""
AGAIN: Final = timedelta(seconds=30)
"""What went wrong is tried again so soon."""
TOGETHER: Final = 8
"""Questions that are asked at once."""
IDLE: Final = timedelta(hours=1)
"""An answer that nobody has wanted for so long is forgotten."""
UNREADABLE: Final = (SQLAlchemyError, OSError, ValueError, KeyError)
"""A store that is away, or a record that somebody wrote by hand."""


@dataclass(frozen=True)
class Known(Generic[Answer]):
    """What is known now."""

    value: Answer | None = None
    at: datetime | None = None
    """When it was so."""
    trouble: str = ""
    """Why there is no newer answer."""

    @property
    def waits(self) -> bool:
        """Whether the first answer is still to come."""
        return self.at is None and not self.trouble


class _Kept:
    def __init__(self) -> None:
        self.known: Known[Any] = Known()
        self.wanted: datetime | None = None
        self.asked: datetime | None = None
        self.answered = threading.Event()
        self.answered.set()


def _now() -> datetime:
    return datetime.now(UTC)


class Remembered:
    """Of one service; any thread may ask."""

    def __init__(self, now: Callable[[], datetime] = _now) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._room = threading.Semaphore(TOGETHER)
        self._kept: dict[Hashable, _Kept] = {}

    def get(
        self,
        question: Hashable,
        ask: Callable[[], Answer],
        *,
        fresh: timedelta,
        patience: float = PATIENCE_S,
        enough: timedelta = timedelta(),
    ) -> Known[Answer]:
        """The answer, asked again where the last one is older than `fresh`.

        Where it is younger than `enough`, nobody waits for the next one.
        """
        now = self._now()
        with self._lock:
            self._forget(now)
            kept = self._kept.setdefault(question, _Kept())
            kept.wanted = now
            good = min(fresh, AGAIN) if kept.known.trouble else fresh
            old = kept.asked is None or now - kept.asked >= good
            if old and kept.answered.is_set():
                kept.answered.clear()
                threading.Thread(target=self._ask, args=(kept, ask), name=f"console {question}", daemon=True).start()
            known = kept.known
        if known.at is None or now - known.at >= enough:
            kept.answered.wait(patience)
        return cast("Known[Answer]", kept.known)

    def _forget(self, now: datetime) -> None:
        for question, kept in list(self._kept.items()):
            if kept.answered.is_set() and kept.wanted and now - kept.wanted > IDLE:
                del self._kept[question]

    def _ask(self, kept: _Kept, ask: Callable[[], Answer]) -> None:
        try:
            with self._room:
                begun = self._now()
                kept.known = Known(ask(), begun)
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            kept.known = Known(kept.known.value, kept.known.at, _told(error))
        kept.asked = self._now()
        kept.answered.set()


def _told(error: Exception) -> str:
    if isinstance(error, PlatformError | SlipwayError):
        return str(error)
    if isinstance(error, UNREADABLE):
        log.info("%s", error)
        return "It cannot be read."
    log.error("A page asked for something that broke.", exc_info=error)
    return "It broke; the service's log says why."
