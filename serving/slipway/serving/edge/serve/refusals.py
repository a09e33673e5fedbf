"""What a caller is told that gets no answer: a status, what is wrong, and what to do."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from slipway.serving.errors import SlipwayError, WrongUse
from slipway.serving.runtime.libraries import LibraryMissing
from slipway.serving.runtime.live import DeadlinePassed, NoModel, Overloaded

logger = logging.getLogger(__name__)

INTERNAL: Final = 500
RETRY: Final[Mapping[str, str]] = {"Retry-After": "1"}
"""Queues are short: a second later there is room, or a model."""


class Refused(SlipwayError):
    """A request that is not answered as its caller hoped."""

    def __init__(
        self, status: int, message: str, *, mend: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, mend=mend)
        self.status = status
        self.headers = dict(headers or {})
        self.more: dict[str, Any] = {}
        """What stands in the answer besides."""
        self.model: str | None = None
        """Who was asked; None where it did not come to that."""


def explained(error: Exception) -> Refused:
    """The same, of what went wrong on the way to an answer; what is the server's own fault is logged."""
    found = error if isinstance(error, Refused) else _refusal(error)
    if found.status == INTERNAL:
        logger.error("A request could not be answered.", exc_info=error)
    return found


def _refusal(error: Exception) -> Refused:
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            headers = RETRY if status in _LATER else None
            return Refused(status, str(error), mend=error.mend or _NEXT.get(status), headers=headers)
    return Refused(INTERNAL, f"unexpected {type(error).__name__}", mend="The server's log says more.")


_STATUS: Final[Mapping[type[SlipwayError], int]] = {
    Overloaded: 429,
    NoModel: 503,
    DeadlinePassed: 504,
    LibraryMissing: 415,
    WrongUse: 400,
    SlipwayError: INTERNAL,
}
"""The first that fits."""
_LATER: Final = (429, 503)
_NEXT: Final[Mapping[int, str]] = {
    400: "The model's `contract`, here and under /v1/models, says what it takes.",
    429: "Ask again later.",
    503: "Ask again later.",
    504: "Ask again, or allow more time with the header X-Deadline-Ms.",
    INTERNAL: "The server's log says more.",
}
"""What to do, where an error does not say."""
