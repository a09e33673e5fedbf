"""What devices saw and answered in a span of time: counts between the quantiles of a reference, by device and release.

Counts of one bundle add up, and a release is one bundle; a device that told of other parts before begins anew.
"""

import json
from collections.abc import Mapping

from sqlalchemy import Connection

from slipway.serving.fleet.facts import Seen
from slipway.serving.fleet.store.packing import Sum
from slipway.serving.fleet.store.spanning import Asked, releases, rows


def seen(connection: Connection, asked: Asked, horizons: Mapping[str, int]) -> list[Seen]:
    """By device and release; whoever saw nothing is left out."""
    numbers = releases(connection, asked)
    found: dict[tuple[str, int], Sum] = {}
    for row in rows(connection, asked, list(numbers), horizons, seen=True):
        if row.seen:
            found.setdefault((row.device, numbers[row.subject]), Sum()).add_seen(json.loads(row.seen))
    return [Seen(device, release, one.seen) for (device, release), one in sorted(found.items())]
