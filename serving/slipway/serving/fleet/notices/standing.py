"""What needs a person now, for people: what a look finds, with what the book knows of it, and what others raised."""

from dataclasses import replace
from typing import TYPE_CHECKING

from slipway.platform.errors import SlipwayError
from slipway.serving.fleet.notices.book import Silence, Standing, lasting, silences_at
from slipway.serving.fleet.notices.looking import Look
from slipway.serving.fleet.notices.notice import Notice, kind_of
from slipway.serving.fleet.notices.round import look_now
from slipway.serving.fleet.opened import open_reader
from slipway.serving.fleet.reader import FleetReader
from slipway.serving.fleet.store import times

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded


def found_now(loaded: "Loaded") -> tuple[list[Standing], list[str]]:
    """The weightiest first; and what could not be looked at."""
    found = look_now(loaded)
    with open_reader(loaded) as fleet:
        return standings_in(found, fleet)


def standings_in(found: Look, fleet: FleetReader | None) -> tuple[list[Standing], list[str]]:
    """The same of a look that was taken. What the look could not see stands as it was last seen."""
    remarks = list(found.remarks)
    written: dict[str, Standing] = {}
    quiet: dict[str, Silence] = {}
    now = times.stamp(found.now)
    if fleet is not None:
        try:
            written = {one.notice.cause: one for one in fleet.ask(lambda connection: lasting(connection, now))}
            quiet = fleet.ask(lambda connection: silences_at(connection, now))
        except SlipwayError as error:
            remarks += [] if str(error) in remarks else [str(error)]
    seen = {one.cause: _joined(one, written.get(one.cause), quiet.get(one.cause)) for one in found.notices}
    kept = [
        one for cause, one in written.items() if cause not in seen and (one.raised or kind_of(cause) in found.unknown)
    ]
    return sorted([*seen.values(), *kept], key=lambda one: one.order), remarks


def _joined(notice: Notice, written: Standing | None, quiet: Silence | None) -> Standing:
    """As it is seen now, with what is known from before."""
    if written is None:
        return Standing(notice, notice.at, notice.at, silence=quiet)
    return replace(written, notice=replace(notice, at=written.first_at))
