"""A round: look, write down what was found, send what is due. `keep_on` makes rounds until it is told to end.

Any process with the settings may make rounds, and several may at once: the book sees to it that each notice is sent by
one of them. `tell` and `end` are for whoever knows of something that no look finds, such as a flow whose run failed.
"""

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from slipway.platform.registry.desk import Desk
from slipway.serving.fleet.notices.book import Book
from slipway.serving.fleet.notices.looking import TROUBLE, Look, look
from slipway.serving.fleet.notices.sending import Sent, places_of, send_due
from slipway.serving.fleet.opened import open_reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.platform.settings import Loaded
    from slipway.serving.fleet.notices.notice import Notice

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """What was done."""

    look: Look
    sent: list[Sent]


def look_now(loaded: "Loaded") -> Look:
    """What needs a person now, and nothing is written or sent."""
    desk = Desk.of(loaded)
    with open_reader(loaded) as fleet:
        return look(desk, fleet)


def make_round(loaded: "Loaded", book: Book) -> Round:
    """One round."""
    places = places_of(loaded.settings.notices)
    found = look_now(loaded)
    book.seen(found.notices, found.unknown)
    return Round(found, send_due(book, places, loaded.settings.notices.repeat_hours))


def keep_on(load: "Callable[[], Loaded]", ended: threading.Event, every: float) -> None:
    """A round every so many seconds, until it ends; what goes wrong is logged and tried again."""
    with Book.of(load()) as book:
        while not ended.is_set():
            try:
                made = make_round(load(), book)
            except (*TROUBLE, SQLAlchemyError) as error:
                log.warning("Notices could not be looked for or sent: %s", error)
            else:
                for remark in made.look.remarks:
                    log.info("Not everything could be looked at: %s", remark)
            ended.wait(every)


def tell(loaded: "Loaded", notice: "Notice") -> None:
    """Raise a notice; it lasts, and is told again and again, until `end`."""
    with Book.of(loaded) as book:
        book.tell(notice)


def end(loaded: "Loaded", cause: str) -> bool:
    """End one that was raised; False where there is none."""
    with Book.of(loaded) as book:
        return book.end(cause)
