"""Do the cameras of a site agree on the time?

What passes two cameras tells their offset: the time between its two sightings is the way between them plus what the
clocks differ by. Two things give a clock away. Vehicles take their time and clocks do not: where most passages of a day
take nearly the same many minutes, that is no journey. And the way is the same every day: where a day's passages differ
from those of the other days, or of the earlier snapshot, by much more than vehicles do, a clock was set.
"""

from collections.abc import Iterable
from typing import Final

import pandas as pd

from slipway.platform.data.validation.tables import Row, Tables, faults
from slipway.platform.data.validation.vocabulary import Clocks

COLUMNS: Final = ["row", "sample", "site", "first", "second", "day", "passages", "offset", "usual", "apart"]
PAIR: Final = ["site", "first", "second"]
COMPARED: Final = 2
"""How many times as many passages a comparison needs: a few may all have been slow that day."""
STEADY: Final = 4.0
"""How many times their spread passages must be away before it is a clock."""


def clocks_agree(tables: Tables, limits: Clocks) -> pd.DataFrame:
    """A row for each pair of cameras and day: how far apart their sightings are, and how far otherwise."""
    now = passages(tables)
    before = passages(tables.previous) if tables.previous else now.iloc[:0]
    rows = []
    for pair, all_here in now.groupby(PAIR, sort=True):
        earlier = before.loc[(before[PAIR] == list(pair)).all(axis=1), "offset"]
        for day, here in all_here.groupby("day", sort=True):
            others = (all_here.loc[all_here["day"] != day, "offset"], earlier)
            rows.append(_told(here, str(day), _reference(here["offset"], others, limits)))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return faults(frame, frame["apart"] == True, _tell)  # noqa: E712 - an empty frame has no booleans


def _tell(row: Row) -> str:
    compared = f", {row['usual']:.0f} s otherwise" if row["usual"] else ""
    return (
        f"the clocks of {row['first']} and {row['second']} at {row['site']} are {row['offset'] - row['usual']:+.0f} s "
        f"apart on {row['day']}: {row['passages']} passages take {row['offset']:.0f} s{compared}"
    )


def passages(tables: Tables) -> pd.DataFrame:
    """What was seen by two cameras on a day, with the seconds between its first sightings.

    A track that both cameras name alike is one passage; without such tracks an individual passes once a day.
    """
    seen = tables.labelled.dropna(subset=["identity", "camera", "day", "time"])
    seen = seen.assign(site=seen["site"].fillna(""), track=seen["track"].fillna("")).sort_values(["time", "row"])
    by_track = _pairs(seen, ["site", "day", "identity", "track"])
    return by_track if len(by_track) else _pairs(seen, ["site", "day", "identity"])


def _pairs(seen: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    first = seen.drop_duplicates([*key, "camera"])[[*key, "camera", "time", "image", "sample"]]
    both = first.merge(first, on=key, suffixes=("", "_second"))
    both = both[both["camera"] < both["camera_second"]]
    return both.assign(
        first=both["camera"], second=both["camera_second"], row=both["image"], offset=both["time_second"] - both["time"]
    )


def _reference(here: "pd.Series[float]", references: Iterable["pd.Series[float]"], limits: Clocks) -> float | None:
    """The offset that was to be expected where this one cannot be a journey; None where nothing is wrong or known."""
    if len(here) < limits.smallest:
        return None
    offset = float(here.median())
    for others in references:
        if min(len(here), len(others)) >= COMPARED * limits.smallest:
            usual = float(others.median())
            spread = max(_spread(here, limits), _spread(others, limits))
            if abs(offset - usual) > max(limits.tolerance, STEADY * spread):
                return usual
    return 0.0 if abs(offset) > max(limits.journey, STEADY * _spread(here, limits)) else None


def _spread(offsets: "pd.Series[float]", limits: Clocks) -> float:
    """How far from their middle the share of passages is that must agree."""
    return float((offsets - offsets.median()).abs().quantile(limits.agreement))


def _told(here: pd.DataFrame, day: str, usual: float | None) -> dict[str, object]:
    example = here.iloc[0]
    named = {name: example[name] for name in ("row", "sample", *PAIR)}
    offset = float(here["offset"].median())
    return named | {
        "day": day,
        "passages": len(here),
        "offset": offset,
        "usual": usual or 0.0,
        "apart": usual is not None,
    }
