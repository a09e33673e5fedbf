"""The fleet store, read without the service: for commands that ask one question and change nothing.

Nothing is upgraded or made here, and no thread runs. A store that is not there is None; one that cannot be read is
told.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from slipway.platform.errors import SlipwayError
from slipway.serving.fleet.facts import DeviceFacts
from slipway.serving.fleet.store import opening, outcomes, reading, times
from slipway.serving.fleet.store.outcomes import Precision
from slipway.serving.fleet.store.reading import Span, Strange, Wanted
from slipway.serving.fleet.store.tables import SPANS

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

Answer = TypeVar("Answer")
MOST_SPANS = 10_000


class FleetReader:
    """Asks the database itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def devices(
        self, *, site: str | None = None, model: str | None = None, release: int | None = None
    ) -> Sequence[DeviceFacts]:
        """Those that are not revoked."""
        return self.ask(lambda connection: reading.devices(connection, Wanted(site, model, release)))

    def device(self, name: str) -> DeviceFacts | None:
        """One, also one that was revoked."""
        return self.ask(lambda connection: reading.device(connection, name))

    def strange(self, since: datetime) -> Sequence[Strange]:
        """What somebody should look at."""
        return self.ask(lambda connection: reading.strange(connection, times.stamp(since)))

    def spans(self, device: str) -> Sequence[Span]:
        """What a device ran and when, the newest first."""
        return self.ask(lambda connection: reading.spans(connection, device, None, MOST_SPANS))

    def runners(self, model: str, release: int) -> Mapping[str, tuple[datetime, datetime | None]]:
        """Which devices run or ran a release: since when, and until when where that is over."""
        return self.ask(lambda connection: _runners(connection, model, release))

    def decisions(self, model: str, release: int) -> Sequence[str]:
        """Names of the decisions of a release that the store knows."""
        return self.ask(lambda connection: outcomes.decisions(connection, model, release))

    def precision(self, model: str, *, since: datetime, until: datetime) -> Sequence[Precision]:
        """How often devices were right, by release and site."""
        begin, end = times.stamp(since), times.stamp(until)
        return self.ask(lambda connection: outcomes.precision(connection, model, begin, end))

    def ask(self, question: Callable[[Connection], Answer]) -> Answer:
        """What the database answers."""
        try:
            with self._engine.connect() as connection:
                return question(connection)
        except SQLAlchemyError as error:
            why = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            raise SlipwayError(
                f"The fleet store at {self._engine.url.render_as_string()} cannot be read: {why}", mend=opening.SETTING
            ) from None


def _runners(connection: Connection, model: str, release: int) -> dict[str, tuple[datetime, datetime | None]]:
    its = (SPANS.c.model == model) & (SPANS.c.release == release)
    found: dict[str, tuple[datetime, datetime | None]] = {}
    for row in connection.execute(select(SPANS).where(its).order_by(SPANS.c.device, SPANS.c.begin)):
        begin = found[row.device][0] if row.device in found else times.moment(row.begin)
        found[row.device] = begin, times.moment_or_none(row.end)
    return found


@contextmanager
def open_reader(loaded: "Loaded") -> Iterator[FleetReader | None]:
    """The store of the settings; None where there is none."""
    url = opening.address(loaded.settings.fleet.database, loaded.root)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        yield None
        return
    engine = opening.open_engine(url, writes=False)
    try:
        yield FleetReader(engine)
    finally:
        engine.dispose()
