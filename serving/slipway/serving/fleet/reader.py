"""The fleet store, read without the service: for commands that ask one question and change nothing.

Nothing is upgraded or made here, and no thread runs. A store that cannot be read is told. `opened` has it open.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from slipway.serving.fleet.facts import DeviceFacts, Outcome, Seen, Work
from slipway.serving.fleet.store import opening, outcomes, reading, retaining, samples, seeing, times, working
from slipway.serving.fleet.store.outcomes import Precision
from slipway.serving.fleet.store.reading import Span, Strange, Wanted
from slipway.serving.fleet.store.samples import Kept
from slipway.serving.fleet.store.spanning import Asked
from slipway.serving.fleet.store.tables import SPANS

Answer = TypeVar("Answer")
MOST_SPANS: Final = 10_000
TOGETHER: Final = 1000
"""Names that are fetched at once."""


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

    def work(self, model: str, *, since: datetime, until: datetime, releases: Sequence[int]) -> Sequence[Work]:
        """What each device did with these releases in a span of time."""
        asked = Asked(model, times.stamp(since), times.stamp(until), tuple(releases))
        return self.ask(lambda connection: working.work(connection, asked, retaining.horizons(connection)))

    def seen(self, model: str, *, since: datetime, until: datetime) -> Sequence[Seen]:
        """How what each device saw and answered with each release was distributed in a span of time."""
        asked = Asked(model, times.stamp(since), times.stamp(until))
        return self.ask(lambda connection: seeing.seen(connection, asked, retaining.horizons(connection)))

    def outcomes(self, model: str, *, since: datetime, until: datetime) -> Sequence[Outcome]:
        """What decisions of a span of time should have been; several sources may have told of one."""
        begin, end = times.stamp(since), times.stamp(until)
        return self.ask(lambda connection: outcomes.outcomes(connection, model, begin, end))

    def spans(self, device: str) -> Sequence[Span]:
        """What a device ran and when, the newest first."""
        return self.ask(lambda connection: reading.spans(connection, device, None, MOST_SPANS))

    def runners(self, model: str, release: int) -> Mapping[str, tuple[datetime, datetime | None]]:
        """Which devices run or ran a release: since when, and until when where that is over."""
        return self.ask(lambda connection: _runners(connection, model, release))

    def decisions(self, model: str, release: int) -> Iterator[str]:
        """Names of the decisions of a release that the store knows, in order; however many, never all at once."""
        with self._asking() as connection:
            streamed = connection.execution_options(yield_per=TOGETHER)
            yield from streamed.scalars(outcomes.decisions(model, release))

    def precision(self, model: str, *, since: datetime, until: datetime) -> Sequence[Precision]:
        """How often devices were right, by release and site."""
        begin, end = times.stamp(since), times.stamp(until)
        return self.ask(lambda connection: outcomes.precision(connection, model, begin, end))

    def samples(
        self, model: str | None = None, *, since: datetime | None = None, decisions: Collection[str] | None = None
    ) -> Sequence[Kept]:
        """Pictures that devices sent, without their bytes."""
        begin = None if since is None else times.stamp(since)
        return self.ask(lambda connection: samples.kept(connection, model, begin, decisions))

    def picture(self, decision: str) -> bytes | None:
        """The picture of a decision, where it is kept."""
        return self.ask(lambda connection: samples.picture(connection, decision))

    def ask(self, question: Callable[[Connection], Answer]) -> Answer:
        """What the database answers."""
        with self._asking() as connection:
            return question(connection)

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise opening.unreadable(self._engine, error) from None


def _runners(connection: Connection, model: str, release: int) -> dict[str, tuple[datetime, datetime | None]]:
    its = (SPANS.c.model == model) & (SPANS.c.release == release)
    found: dict[str, tuple[datetime, datetime | None]] = {}
    for row in connection.execute(select(SPANS).where(its).order_by(SPANS.c.device, SPANS.c.begin)):
        begin = found[row.device][0] if row.device in found else times.moment(row.begin)
        found[row.device] = begin, times.moment_or_none(row.end)
    return found
