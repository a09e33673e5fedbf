"""A project whose champion has been in the field for days, with a fleet store that tells what devices saw there.

Ledger, release, channel, store and database are real; what the devices told is planted (`planted.field`) and added as
the store adds a report.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy

import rolling_out
from kept_evaluation import keep_evaluation
from planted.field import LEVELS, NAMES, ROWS, Planted
from slipway.pipelines.steps.site import Site as Place
from slipway.pipelines.steps.step import Ask, Told
from slipway.pipelines.steps.watch import WatchStep
from slipway.pipelines.watching.drift import Day
from slipway.serving.edge.decisions import make_id
from slipway.serving.edge.telemetry.distributions import Expected
from slipway.serving.fleet.notices.book import Book
from slipway.serving.fleet.store import opening, times
from slipway.serving.fleet.store.adding import Adder
from slipway.serving.fleet.store.outcomes import Told as Outcome
from slipway.serving.fleet.store.packing import Sum
from slipway.serving.fleet.store.records import Subject
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import DEVICES, SPANS
from slipway.serving.release.moving import finishing

MODEL = "bay-occupancy"
DAY = timedelta(days=1)
WORK = "r1-" + "a" * 64
"""Of the evaluation that the gates looked at."""


def reference_of(expected: dict[str, Expected]) -> dict[str, object]:
    """As an export writes it; where edges are as many as levels."""
    sides: dict[str, dict[str, dict[str, list[float]]]] = {}
    for name in NAMES:
        side, tensor, measure = name.split(".")
        sides.setdefault(side, {}).setdefault(tensor, {})[measure] = expected[name].edges.tolist()
    return {"rows": ROWS, "quantiles": LEVELS.tolist(), **sides}


class Watched:
    """The project; the release is of its first day at noon."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch, planted: Planted, seed: int = 1) -> None:
        patch.setattr(rolling_out, "MODEL", MODEL)
        self.expected, self.days = planted.draw(seed)
        self.site = rolling_out.Site(root).open()
        self.site.register("a", reference=reference_of(self.expected))
        self.site.promote("a")
        self.site.start(given=MODEL)
        self.site.move(finishing())
        noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        self.released = self.site.rollout.releases[1].written.entry.at
        self.begin = datetime.combine(self.released.date(), noon.min.time(), UTC) + DAY
        self.told = 0

    @property
    def place(self) -> Place:
        """Where steps work, as the person who may do nothing but look."""
        return Place(self.site.loaded())

    def tell(self, days: Sequence[Day] | None = None) -> None:
        """Devices tell of the next days."""
        loaded = self.site.loaded()
        FleetStore.of(loaded).close()
        engine = opening.open_engine(opening.address(loaded.settings.fleet.database, loaded.root), writes=True)
        release = self.site.rollout.releases[1]
        with engine.begin() as connection:
            adder = Adder(connection, {}, {})
            subject = adder.subject(Subject(f"{MODEL}/1/{release.bundle}", MODEL, 1))
            known = set(connection.scalars(sqlalchemy.select(DEVICES.c.id)))
            for day in self.days if days is None else days:
                begin = self.begin + DAY * self.told
                self.told += 1
                for device, parts in day.items():
                    self._enrol(connection, device, known)
                    for part in _halves(parts):
                        begin += timedelta(hours=7)
                        adder.add(device, subject, times.stamp(begin), Sum(seen=part))
                    begin = self.begin + DAY * (self.told - 1)
        engine.dispose()

    def measure(self, accuracy: float) -> None:
        """So many test rows did the gates find to be answered rightly."""
        measured = {"value": accuracy, "low": accuracy - 0.015, "high": accuracy + 0.015}
        files = {"evaluation.fp32.json": json.dumps({"overall": {"accuracy": measured}}).encode()}
        work = keep_evaluation(self.site.own.store, self.site.root / "measured", WORK, files, self.begin)
        self.site.judge("a", work={self.site.bundles["a"]: work})

    def learn(self, share: float, known: int = 60) -> None:
        """It becomes known of so many decisions of each day whether they were right, and this share of them was."""
        device, bundle = next(iter(self.days[0])), self.site.bundles["a"]
        told = [
            Outcome(
                decision=make_id(device, bundle, self.begin + DAY * day + timedelta(minutes=number), f"{number:06d}"),
                right=number < share * known, truth="free", source="barrier",
            )
            for day in range(self.told)
            for number in range(known)
        ]  # fmt: skip
        with FleetStore.of(self.site.loaded()) as store:
            assert store.tell(told, "ada") == len(told)

    def watch(self, *, after: int | None = None, snapshot: str | None = None) -> Told:
        """A look in the morning after so many days; after all that was told unless given."""
        now = self.begin + DAY * (self.told if after is None else after) + timedelta(hours=3)
        return WatchStep(now=lambda: now).do(self.place, Ask(model=MODEL, snapshot=snapshot), {}, lambda _: None)

    def notices(self) -> dict[str, str]:
        """What lasts in the book: the command by the cause."""
        with Book.of(self.site.loaded()) as book:
            return {one.notice.cause: one.notice.command for one in book.standings()}

    def _enrol(self, connection: sqlalchemy.Connection, device: str, known: set[str]) -> None:
        if device in known:
            return
        known.add(device)
        ran = {"device": device, "model": MODEL, "begin": times.stamp(self.begin), "release": 1}
        connection.execute(sqlalchemy.insert(SPANS).values(**ran, bundle=self.site.bundles["a"]))
        connection.execute(
            sqlalchemy.insert(DEVICES).values(
                id=device, device_class="edge-cpu", site="harbour", cohorts="[]", models=json.dumps([MODEL]),
                public_key="0" * 64, token="t", enrolled_at=times.stamp(self.released),
            )
        )  # fmt: skip


def _halves(parts: Mapping[str, Sequence[int]]) -> list[dict[str, list[int]]]:
    """A day's counts in two reports."""
    first = {name: [count // 2 for count in its] for name, its in parts.items()}
    rest = {name: [all_ - half for all_, half in zip(its, first[name], strict=True)] for name, its in parts.items()}
    return [first, rest]
