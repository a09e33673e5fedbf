"""Sending notices through Apprise, to the addresses of the settings.

An address has a password in it: neither messages nor logs have it. They name a place by its number in the settings and
its kind, such as `1 (mailto)`.
"""

import hashlib
import logging
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.ledger.describing import moment
from slipway.serving.fleet.notices.notice import Weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apprise import Apprise
    from pydantic import SecretStr

    from slipway.platform.settings import schema
    from slipway.serving.fleet.notices.book import Book, Claimed

log = logging.getLogger(__name__)

NAMES: Final = {Weight.NOTE: "info", Weight.WARNING: "warning", Weight.URGENT: "failure"}
"""Apprise's words for it."""


@dataclass(frozen=True)
class Message:
    """What arrives."""

    title: str
    body: str
    kind: str


class Place(Protocol):
    """Where messages go."""

    @property
    def name(self) -> str:
        """For people: no secret."""

    @property
    def digest(self) -> str:
        """Tells it from others."""

    def send(self, message: Message) -> bool:
        """Whether it arrived."""


@dataclass(frozen=True)
class ApprisePlace:
    """An address as Apprise takes it."""

    number: int
    _url: "SecretStr"

    @property
    def name(self) -> str:
        return f"{self.number} ({self._url.get_secret_value().partition(':')[0]})"

    @property
    def digest(self) -> str:
        return hashlib.sha256(self._url.get_secret_value().encode()).hexdigest()[:32]

    def check(self) -> None:
        """Refuse what is no address."""
        self._apprise()

    def send(self, message: Message) -> bool:
        with _silenced():
            try:
                return bool(self._apprise().notify(body=message.body, title=message.title, notify_type=message.kind))
            except (OSError, ValueError, TypeError) as error:
                log.warning("Place %s fails: %s", self.name, type(error).__name__)
                return False

    def _apprise(self) -> "Apprise":
        with _silenced(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of modules that its plugins import
            from apprise import Apprise

            found = Apprise()
            added = found.add(self._url.get_secret_value())
        if not added:
            raise WrongUse(
                f"Address {self.name} of notices.urls is none that Apprise knows.",
                mend="Such as mailto://user:password@example.org; it stands in `SLIPWAY_NOTICES__URLS`.",
            )
        return found


def places_of(settings: "schema.Notices") -> tuple[ApprisePlace, ...]:
    """All of the settings, each of them usable."""
    found = tuple(ApprisePlace(number, url) for number, url in enumerate(settings.urls, 1))
    for one in found:
        one.check()
    return found


@dataclass(frozen=True)
class Sent:
    """What a sender did."""

    cause: str
    place: str
    over: bool
    arrived: bool


def send_due(book: "Book", places: Sequence[Place], repeat_hours: float) -> list[Sent]:
    """Send everything that is due, everywhere. What fails is due again after a pause."""
    repeat, done = timedelta(hours=repeat_hours), []
    for place in places:
        while (claimed := book.claim(place.digest, repeat)) is not None:
            arrived = place.send(message_of(claimed))
            (book.sent if arrived else book.failed)(claimed)
            if not arrived:
                log.warning("%s could not be sent to place %s.", claimed.standing.notice.cause, place.name)
            done.append(Sent(claimed.standing.notice.cause, place.name, claimed.over, arrived))
    book.tidy([one.digest for one in places])
    return done


def message_of(claimed: "Claimed") -> Message:
    """What a person reads."""
    standing = claimed.standing
    notice = standing.notice
    if standing.ended_at is not None:
        since = f"It began {moment(standing.first_at)} UTC, and is over since {moment(standing.ended_at)} UTC."
        return Message(f"[slipway] over: {notice.title}", f"{since}\n\n{notice.cause}", "success")
    body = f"{notice.text}\n\nNext: {notice.command}\n\n{notice.cause}, since {moment(standing.first_at)} UTC"
    return Message(f"[slipway] {notice.weight.value}: {notice.title}", body, NAMES[notice.weight])


def failed_in(done: Sequence[Sent]) -> SlipwayError | None:
    """An error for people, where something did not arrive."""
    lost = sorted({one.place for one in done if not one.arrived})
    if not lost:
        return None
    return SlipwayError(
        f"Not everything arrived at {', '.join(lost)}.",
        mend="It is sent again, after a pause. Check notices.urls, and whether the server answers.",
    )


@contextmanager
def _silenced() -> "Iterator[None]":
    """Those who send log addresses."""
    loggers = [logging.getLogger(name) for name in ("apprise", "urllib3.connectionpool")]
    before = [one.disabled for one in loggers]
    for one in loggers:
        one.disabled = True
    try:
        yield
    finally:
        for one, disabled in zip(loggers, before, strict=True):
            one.disabled = disabled
