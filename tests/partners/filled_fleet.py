"""A fleet store with a few devices that ran two releases, written past the service."""

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy

from rolling_out import MODEL, Site
from slipway.serving.fleet.store import opening, times
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import DEVICES, HEARD, SPANS, STANDINGS


def fill(site: Site, *, heard: dict[str, timedelta], bad: tuple[str, ...] = ()) -> None:
    """Devices of site harbour that ran release 1, then 2, and when they were heard."""
    loaded = site.loaded()
    FleetStore.of(loaded).close()
    engine = opening.open_engine(opening.address(loaded.settings.fleet.database, loaded.root), writes=True)
    now = datetime.now(UTC)
    begin, later = times.stamp(now - timedelta(days=3)), times.stamp(now - timedelta(hours=1))
    releases = site.rollout.releases
    with engine.begin() as connection:
        for name, ago in heard.items():
            add = connection.execute
            add(sqlalchemy.insert(DEVICES).values(
                id=name, device_class="edge-cpu", site="harbour", cohorts="[]", models=json.dumps([MODEL]),
                public_key="0" * 64, token="t", enrolled_at=begin,
            ))  # fmt: skip
            add(sqlalchemy.insert(HEARD).values(
                device=name, sequence=1, at=times.stamp(now - ago), clock_ms=0, left=0, said="", agent="0.1.0",
                site_sequence=0, streams="{}", unreadable=0,
            ))  # fmt: skip
            here = 1 if name in bad else 2
            add(sqlalchemy.insert(STANDINGS).values(
                device=name, model=MODEL, phase="settled", release=here, bundle=releases[here].bundle, variant="cpu",
                provider="cpu", since=later, bad=json.dumps([2] if name in bad else []), sequence=1, why="",
            ))  # fmt: skip
            for number, first, last in ((1, begin, later), (2, later, None)):
                add(sqlalchemy.insert(SPANS).values(
                    device=name, model=MODEL, begin=first, end=last, release=number, bundle=releases[number].bundle,
                ))  # fmt: skip
    engine.dispose()
