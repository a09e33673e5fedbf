"""No question and no change reads through a table that grows with every report: each finds its rows by a key.

Only the sizes of all pictures are looked at, once an hour and beside the writer; and whoever asks what ran everywhere
at a moment has all spans looked at, which grow with releases and not with reports.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from fleet_service import Running, running
from fleet_service.device import counts, standing
from slipway.platform.settings import schema
from slipway.serving.fleet.store.reading import Wanted
from slipway.serving.fleet.store.store import FleetStore

SUBJECT: Final = f"parcel/3/{3:064x}"
GROWING: Final = ("windows", "hours", "days", "spans", "samples", "outcomes", "names", "audit")
SIZES: Final = "HAVING sum(samples.size)"
NOW: Final = datetime.now(UTC)
SINCE: Final = NOW - timedelta(days=3, minutes=7)
QUESTIONS: Final[dict[str, Callable[[FleetStore], Any]]] = {
    "forgetting": lambda store: store.forget(schema.Retention()),
    "work": lambda store: store.work("parcel", since=SINCE, until=NOW),
    "hours of a device": lambda store: store.hours("gate-1", ["parcel"], since=SINCE, until=NOW),
    "spans of a device": lambda store: store.spans("gate-1"),
    "outcomes": lambda store: store.outcomes("parcel", since=SINCE, until=NOW),
    "precision": lambda store: store.precision("parcel", since=SINCE, until=NOW),
    "decisions": lambda store: store.decisions("parcel", 3),
    "changes of a device": lambda store: store.audit("gate-1"),
    "a picture": lambda store: store.picture("x"),
    "a page": lambda store: store.devices(site="harbour", model="parcel", limit=10),
    "how many": lambda store: store.count(Wanted(model="parcel", release=3)),
    "metrics": lambda store: (store.heard(NOW), store.phases(), store.running()),
}


@contextmanager
def _statements() -> Iterator[list[tuple[Engine, str, Any]]]:
    """What databases are asked."""
    found: list[tuple[Engine, str, Any]] = []

    def note(connection: Any, _: Any, statement: str, parameters: Any, *__: Any) -> None:
        if re.match(r"(?i)select|delete|update", statement) and SIZES not in statement:
            found.append((connection.engine, statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _scans(found: list[tuple[Engine, str, Any]]) -> list[tuple[str, str]]:
    """Which of them read through a table that grows."""
    told = []
    for engine, statement, parameters in found:
        with engine.connect() as connection:
            rows = connection.exec_driver_sql(f"explain query plan {statement}", parameters).all()
        growing = [row[3] for row in rows if re.match(rf"SCAN ({'|'.join(GROWING)})\b", row[3])]
        told += [(plan, " ".join(statement.split())[:200]) for plan in growing]
    return told


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(Path(tmp_path_factory.mktemp("plans"))) as found:
        yield found


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_finds_its_rows(fleet: Running, question: str) -> None:
    with _statements() as found:
        QUESTIONS[question](fleet.store)
    assert found
    assert _scans(found) == []


def test_a_report_finds_its_rows(fleet: Running) -> None:
    gate = fleet.device("gate-1", site="harbour")
    with _statements() as found:
        for release in (3, 4):
            record = counts(f"{1:016x}-{release}", SUBJECT, NOW, answered=1)
            assert gate.report(standings=[standing("parcel", release)], records=[record])[0] == 200
    assert len(found) > 10
    assert _scans(found) == []
