"""From the fleet store to what a look needs: days of one release, its reference, outcomes, and what the gate measured.

The release that is watched is the one that most devices told of lately, and the newer one of two. A day is a full one,
by UTC; today is not over and would be half a day. The first days are those since the first device ran the release, so
that slow drift does not become what is usual.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from slipway.pipelines.watching.drift import FEWEST, Day
from slipway.pipelines.watching.rightness import Measured, measured_in

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk
    from slipway.platform.settings.schema import Watch
    from slipway.platform.store import Store
    from slipway.serving.fleet.facts import Outcome
    from slipway.serving.fleet.reader import FleetReader
    from slipway.serving.release.rollouts import Released

REFERENCE: Final = "reference.json"


@dataclass(frozen=True, kw_only=True)
class Field:
    """What is known of a release in the field."""

    release: "Released"
    days: Sequence[datetime]
    """When each of the latest days begins."""
    recent: Sequence[Day]
    first: Sequence[Day]
    outcomes: Sequence[tuple[int, int]]
    """Of each day, how many decisions were right and how many are known."""
    devices: int


def field_of(
    fleet: "FleetReader", model: str, releases: Mapping[int, "Released"], rules: "Watch", now: datetime
) -> Field | None:
    """What devices told of the release that is watched; None where none told anything."""
    span = timedelta(hours=rules.day_hours)
    end = _floor(now, span)
    told = [_of_day(fleet, model, end - span * back, span) for back in range(rules.days, 0, -1)]
    number = _watched([release for day in told for _, release in day], releases)
    if number is None:
        return None
    release = releases[number]
    ran = [since for since, _ in fleet.runners(model, number).values()]
    begin = _ceiling(min(ran, default=release.written.entry.at), span)
    count, before = shared((end - begin) // span, rules.days)
    recent = [_its(day, number) for day in told[-count:]] if count else []
    first = [_its(_of_day(fleet, model, begin + span * place, span), number) for place in range(before)]
    days = [end - span * back for back in range(len(recent), 0, -1)]
    return Field(
        release=release,
        days=days,
        recent=recent,
        first=first,
        outcomes=_right(fleet.outcomes(model, since=days[0], until=end), number, days, span) if days else (),
        devices=len({device for day in recent for device in day}),
    )


def shared(days: int, most: int) -> tuple[int, int]:
    """Of so many full days of a release, how many are the latest and how many the first; they never overlap.

    There are no first days until both parts are long enough to be compared.
    """
    if days < 2 * FEWEST:
        return min(max(days, 0), most), 0
    return min(days // 2, most), min(days - days // 2, most)


def reference_of(store: "Store", bundle: str) -> Mapping[str, Any]:
    """The bundle's `reference.json`."""
    import json

    from slipway.platform.registry.bundles import load_bundle
    from slipway.platform.runs.results import result_key

    found: Mapping[str, Any] = json.loads(store.get(result_key(REFERENCE, load_bundle(store, bundle).files[REFERENCE])))
    return found


def measured_of(desk: "Desk", bundle: str) -> Measured | None:
    """What the gate measured of the bundle as it is exported; None where nothing can be compared with outcomes."""
    from slipway.platform.registry.bundles import load_bundle
    from slipway.platform.registry.evidence import Evidence
    from slipway.platform.registry.verdicts import verdicts_of

    variants = load_bundle(desk.store, bundle).manifest.get("variants", {})
    for verdict in verdicts_of(desk.store, desk.people, bundle):
        evidence = Evidence.of(desk.store, verdict, bundle)
        for variant in variants:
            if (found := measured_in(evidence.judgement(str(variant)))) is not None:
                return found
    return None


def _floor(moment: datetime, span: timedelta) -> datetime:
    """The beginning of the day that a moment is in."""
    since = datetime(1970, 1, 1, tzinfo=UTC)
    return since + (moment - since) // span * span


def _ceiling(moment: datetime, span: timedelta) -> datetime:
    """The beginning of the first day that a moment leaves whole."""
    begin = _floor(moment, span)
    return begin if begin == moment else begin + span


def _of_day(
    fleet: "FleetReader", model: str, begin: datetime, span: timedelta
) -> dict[tuple[str, int], Mapping[str, Sequence[int]]]:
    return {(one.device, one.release): one.parts for one in fleet.seen(model, since=begin, until=begin + span)}


def _its(day: Mapping[tuple[str, int], Mapping[str, Sequence[int]]], number: int) -> Day:
    return {device: parts for (device, release), parts in day.items() if release == number}


def _watched(told: Iterable[int], releases: Mapping[int, "Released"]) -> int | None:
    counts: dict[int, int] = {}
    for release in told:
        if release in releases:
            counts[release] = counts.get(release, 0) + 1
    return max(counts, key=lambda release: (counts[release], release), default=None)


def _right(
    outcomes: Iterable["Outcome"], number: int, days: Sequence[datetime], span: timedelta
) -> list[tuple[int, int]]:
    """Of each day; of what several sources said of a decision the last counts."""
    last: dict[str, Outcome] = {}
    for one in sorted(outcomes, key=lambda one: (one.told_at, one.source)):
        if one.release == number:
            last[one.decision] = one
    found = [[0, 0] for _ in days]
    for one in last.values():
        place = (one.at - days[0]) // span
        found[place][0] += one.right
        found[place][1] += 1
    return [(right, known) for right, known in found]
