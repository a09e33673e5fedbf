"""Tokens by the row: all or none, and the row that is wrong is named."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slipway.platform.errors import WrongUse
from slipway.serving.bundle.canonical import sha256
from slipway.serving.edge.fleet.wire import TOKEN
from slipway.serving.fleet.cli.tokens import Wish, made, wishes_in

UNTIL = datetime.now(UTC) + timedelta(days=1)
OTHERWISE = Wish(device_class="edge-cpu", models=("parcel",))


def _file(folder: Path, text: str) -> Path:
    path = folder / "gates.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_row_gets_a_token_that_the_service_knows_by_its_digest(tmp_path: Path) -> None:
    path = _file(tmp_path, "id,site,cohorts,models\ngate-1,harbour,canary night,\ngate-2,,,parcel letter\n")
    first, second = made(wishes_in(path, OTHERWISE), b"root", UNTIL)
    assert (first.body["device"], first.body["cohorts"], first.body["models"]) == (
        "gate-1",
        ["canary", "night"],
        ["parcel"],
    )
    assert (second.body["site"], second.body["models"]) == (None, ["parcel", "letter"])
    for one in (first, second):
        found = TOKEN.fullmatch(one.token)
        assert found is not None
        assert found["root"] == sha256(b"root")
        assert one.body["digest"] == sha256(one.token.encode())
    assert first.token != second.token


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with nothing"),
        ("id\n", "0 rows"),
        ("id,sight\ngate-1,harbour\n", "`site`|begins with id,sight"),
        ("id,site\ngate-1\n", ":2: this row has another number of cells"),
        ("id\ngate-1\ngate-2\ngate-1\n", "row 3 has the id `gate-1`, as row 1"),
        ("id\ngate-1\nGate 2\n", "Row 2: id 'Gate 2'"),
        ("id,site\ngate-1,a\ngate-2,B!\n", "Row 2: site 'B!'"),
    ],
)
def test_a_row_that_is_wrong_is_named(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(WrongUse, match=why):
        list(made(wishes_in(_file(tmp_path, text), OTHERWISE), b"root", UNTIL))


def test_a_token_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="no model"):
        list(made([Wish(id="gate-1")], b"root", UNTIL))
    with pytest.raises(WrongUse, match="cannot be read"):
        wishes_in(tmp_path / "none.csv", OTHERWISE)
