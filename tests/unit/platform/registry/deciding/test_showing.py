"""What people see of versions: cards, history, reviews, and the commands that print them."""

import io
import json
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from releasing import MODEL, Made, Site
from slipway.platform.cli.model import app
from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.registry import approving, promoting
from slipway.platform.registry.cards import card_of
from slipway.platform.registry.finding import pick
from slipway.platform.registry.gallery import gallery, turned
from slipway.platform.registry.history import events, moment_of, reign_on
from slipway.platform.registry.pages import Page, Section, Table, brief, html, markdown
from slipway.platform.registry.review_page import review_page
from slipway.platform.registry.reviewing import review
from slipway.platform.registry.versions import register
from slipway.platform.runs.parts import CodeFile

ONE, TWO = f"{MODEL}/1", f"{MODEL}/2"
NIGHT = 0.2


def judged(value: float) -> bytes:
    def measures(value: float) -> dict[str, Any]:
        return {"accuracy": {"value": value, "low": value - 0.01, "high": value + 0.01, "units": 100}}

    night = {"column": "light", "name": "night", "measures": measures(value - NIGHT)}
    told = {"headline": "accuracy", "overall": measures(value), "slices": [night], "falling": []}
    return json.dumps(told).encode()


def samples(errors: Sequence[float | None]) -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table({"sample": [f"{place:064x}" for place in range(len(errors))], "error": errors}), written)
    return written.getvalue()


def evaluated(site: Site, name: str, value: float, errors: Sequence[float | None]) -> str:
    return site.evaluated(
        f"w1-{name}", {"evaluation.fp32.json": judged(value), "samples.fp32.parquet": samples(errors)}
    )


@pytest.fixture
def two(site: Site) -> tuple[Made, Made]:
    """A champion and a challenger with other code and config."""
    first, second = site.run("a"), site.run("b", config={"name": "b", "lr": 0.2}, code=(CodeFile(
        path="slipway/training/models/tiny_bays/model.py", sha256="b" * 64
    ),))  # fmt: skip
    a, b = site.bundle("a", run=first.key, parts=first), site.bundle("b", run=second.key, parts=second)
    work = {a.digest: evaluated(site, "a", 0.9, [0.1, 0.2, 0.9, None])}
    site.judge(a, work=work)
    register(site.desk("finn"), site.registration(a))
    approving.approve(site.desk("ben"), ONE)
    promoting.promote(site.desk("dora"), ONE)
    site.judge(b, champion=a.digest, work={**work, b.digest: evaluated(site, "b", 0.8, [0.1, 0.7, 0.3, 0.9])})
    register(site.desk("finn"), site.registration(b))
    return a, b


def test_a_card_says_what_it_is_made_of_and_how_it_was_judged(site: Site, two: tuple[Made, Made]) -> None:
    picked = pick(site.gates, TWO)
    text = markdown(card_of(site.gates, picked.record, picked.standing))
    for told in (
        "Say whether a bay is free.", "It decides nothing about people.", "0.800 \\[0.790, 0.810\\]", "light night",
        "at least 0.8", "90 of 100 rows", two[1].digest, "fp32", "within 20 ms", "Threshold occupied: 0.5",
        "trained by | finn", "May not approve: finn",
    ):  # fmt: skip
        assert told in text


def test_a_card_in_html_needs_nothing_else_and_escapes(site: Site) -> None:
    site.version("a")
    approving.comment(site.desk("ben"), ONE, reason="<script>alert(1)</script> | **bold**")
    picked = pick(site.gates, ONE)
    page = card_of(site.gates, picked.record, picked.standing)
    text = html(page)
    assert "<script" not in text
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)
    assert "prefers-color-scheme:dark" in text
    assert "&lt;script>" in markdown(page)
    assert "\\*\\*bold" in markdown(page)


def test_a_short_card_leaves_whole_sections_out() -> None:
    rows = [("x" * 100, "y")] * 30
    page = Page("t", "s", ("LOUD",), (Section("First", ["one"]), Section("Large", table=Table(("a", "b"), rows))))
    text = brief(page, 500)
    assert len(text) <= 500
    assert "LOUD" in text
    assert "## First" in text
    assert "with large, is printed by `slipway model card`" in text


def test_history_says_who_was_champion_on_what_evidence(site: Site, two: tuple[Made, Made]) -> None:
    desk = site.gates
    entries = list(desk.ledger.entries(MODEL))
    standing = desk.standing(MODEL)
    told = events(standing, entries)
    assert [(one.what, one.version) for one in told if one.champion] == [("promoted", "1")]
    change = standing.history[0]
    reign = reign_on(standing, entries, change.at.date())
    assert reign is not None
    assert reign.version.bundle == two[0].digest
    assert (reign.approvers, reign.change.who) == (("ben",), "dora")
    assert reign.as_fields()["verdict"] == reign.verdict
    assert reign_on(standing, entries, change.at.date() - timedelta(days=1)) is None


def test_history_names_void_entries_and_failed_candidates(site: Site, two: tuple[Made, Made]) -> None:
    site.judge(site.bundle("c"), champion=two[0].digest, passed=False)
    with pytest.raises(SlipwayError):
        promoting.promote(site.desk("dora"), TWO)
    told = events(site.gates.standing(MODEL), site.gates.ledger.entries(MODEL))
    assert [one.what for one in told][-2:] == ["FAILED its gates", "refused: promote"]
    assert "accuracy is 0.2" in told[-2].why


@pytest.mark.parametrize(("text", "day"), [("2026-03-31", date(2026, 3, 31))])
def test_a_date_is_a_day_or_a_moment(text: str, day: date) -> None:
    assert moment_of(text) == day
    assert str(moment_of("2026-03-31T14:00")) == "2026-03-31 14:00:00+00:00"
    with pytest.raises(WrongUse, match="no date"):
        moment_of("yesterday")


def test_a_review_compares_with_the_champion(site: Site, two: tuple[Made, Made]) -> None:
    found = review(site.gates, pick(site.gates, TWO))
    assert found.champion is not None
    assert found.champion.bundle == two[0].digest
    assert [(one.part, one.name) for one in found.differences] == [
        ("config", "lr"), ("config", "name"), ("code", "slipway/training/models/tiny_bays/model.py"),
    ]  # fmt: skip
    assert [(one.slice, one.better(1)) for one in found.metrics] == [("", False), ("night", False)]
    rows = turned(found)
    assert rows is not None
    assert (rows.rows, rows.wrong, rows.right) == (3, 1, 1)
    assert rows.samples == (f"{1:064x}",)
    page = html(review_page(found, rows, b""))
    assert "1 turned wrong and 1 turned right" in page
    assert 'class="bad">worse' in page
    assert "Both learned from the same snapshot." in page


def test_pictures_that_are_not_there_are_told(site: Site, two: tuple[Made, Made]) -> None:  # noqa: ARG001
    found = review(site.gates, pick(site.gates, TWO))
    rows = turned(found)
    assert rows is not None
    with pytest.raises(SlipwayError):
        gallery(site.gates, found, rows)


def test_of_an_external_bundle_the_review_says_what_is_not_known(site: Site, two: tuple[Made, Made]) -> None:
    made = site.bundle("vendor")
    site.judge(made, champion=two[0].digest)
    register(site.desk("finn"), site.registration(made))
    found = review(site.gates, pick(site.gates, f"{MODEL}/3"))
    assert "came from outside (Example Vision, delivery 7)" in found.unknown[0]
    assert found.differences == ()


def test_another_snapshot_that_cannot_be_had_is_told(site: Site, two: tuple[Made, Made]) -> None:
    other = site.run("c", snapshot="7" * 64)
    made = site.bundle("c", run=other.key, parts=other)
    site.judge(made, champion=two[0].digest)
    register(site.desk("finn"), site.registration(made))
    found = review(site.gates, pick(site.gates, f"{MODEL}/3"))
    assert any("What differs between the two snapshots" in one for one in found.unknown)
    assert found.of(found.differences[0].part)[0].name == "snapshot"


@pytest.fixture
def command(site: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command of the group in the project, as somebody."""
    monkeypatch.chdir(site.root)
    for name, value in site.environ.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, by: str = "dora") -> Any:
        monkeypatch.setenv("SLIPWAY_IDENTITY__PERSON", by)
        return CliRunner().invoke(app, list(arguments))

    return run


def test_commands_print_tables_and_json(two: tuple[Made, Made], command: Callable[..., Any], tmp_path: Path) -> None:
    listed = command("list").stdout
    assert re.search(rf"{MODEL}\s+2\s+challenger\s+0 of 1", listed)
    assert [one["state"] for one in json.loads(command("list", MODEL, "--json").stdout)] == ["challenger", "champion"]
    assert "champion        version 1" in command("show", MODEL).stdout
    shown = json.loads(command("show", f"{MODEL}@challenger", "--json").stdout)
    assert (shown["number"], shown["bundle"], shown["state"]) == ("2", two[1].digest, "challenger")
    page = tmp_path / "card.html"
    assert command("card", TWO, "-o", "html", "--output", str(page)).exit_code == 0
    assert page.read_text().startswith("<!doctype html>")
    told = json.loads(command("review", TWO, "--json").stdout)
    assert told["turned"] == {"rows": 3, "wrong": 1, "right": 1}
    assert Path(told["page"]).is_file()
    on = json.loads(command("history", MODEL, "--on", "2999-01-01", "--json").stdout)
    assert (on["version"], on["by"], on["approvers"]) == ("1", "dora", ["ben"])
    assert json.loads(command("history", MODEL, "--on", "2000-01-01", "--json").stdout) is None


REFUSED = {
    ("promote", TWO): ("finn", "`finn` is no releaser"),
    ("promote", TWO, "--override", "--reason", "now"): ("ben", "`ben` is no override"),
    ("promote", TWO, "--override"): ("dora", "An override takes a reason"),
    ("approve", TWO): ("finn", "`finn` is no approver"),
    ("reject", ONE, "--reason", "old"): ("finn", "`finn` is no approver"),
}


@pytest.mark.parametrize("asked", REFUSED)
def test_a_dry_run_ends_as_the_decision_would_and_writes_nothing(
    two: tuple[Made, Made], command: Callable[..., Any], site: Site, asked: tuple[str, ...]
) -> None:
    assert two
    by, why = REFUSED[asked]
    before = len(list(site.gates.ledger.entries()))
    dry = command(*asked, "--dry-run", by=by)
    assert len(list(site.gates.ledger.entries())) == before
    assert isinstance(dry.exception, SlipwayError)
    assert why in str(dry.exception)
    assert str(dry.exception).startswith(str(command(*asked, by=by).exception))


def test_deciding_by_command(two: tuple[Made, Made], command: Callable[..., Any], site: Site) -> None:
    assert two
    refused = command("promote", TWO)
    assert isinstance(refused.exception, SlipwayError)
    assert refused.exception.exit_code == 1
    before = len(list(site.gates.ledger.entries()))
    plan = command("promote", TWO, "--dry-run", "--json")
    assert "0 of 1 approvals" in json.loads(plan.stdout)["against"][0]
    assert str(plan.exception) == str(refused.exception)
    assert "This would approve" in command("approve", TWO, "--dry-run", by="ben").stderr
    assert "This would reject" in command("reject", ONE, "--reason", "old", "--dry-run", by="ben").stderr
    assert len(list(site.gates.ledger.entries())) == before
    done = json.loads(command("approve", TWO, "--request", "r-1", "--json", by="ben").stdout)
    again = json.loads(command("approve", TWO, "--request", "r-1", "--json", by="ben").stdout)
    assert (done["before"], again["before"], done["number"] == again["number"]) == (False, True, True)
    assert command("comment", TWO, "--reason", "fine").exit_code == 0
    assert "instead of version 1" in command("promote", TWO).stdout
    assert "champion already" in command("promote", TWO).stdout
    once_more = command("approve", TWO, by="ben")
    assert (once_more.exit_code, "is already approved by ben" in once_more.stdout) == (0, True)
    assert "is champion." in once_more.stderr
    assert site.gates.registry.aliases(MODEL) == {"champion": "2"}
    rejected = command("reject", ONE, "--reason", "old", by="cleo")
    assert "is rejected by cleo" in rejected.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", f"{MODEL}/9"), "no version 9"),
        (("show", f"{MODEL}@winner"), "no alias"),
        (("show", "other"), "no version of a model `other`"),
        (("show", "A B"), "names no version"),
        (("approve", TWO, "--verdict", "0" * 64), "no verdict"),
        (("promote", TWO, "--override"), "takes a reason"),
        (("history", MODEL, "--on", "soon"), "no date"),
    ],
)
def test_wrong_input_is_told(
    two: tuple[Made, Made], command: Callable[..., Any], arguments: tuple[str, ...], told: str
) -> None:
    assert two
    failed = command(*arguments, by="ben")
    assert isinstance(failed.exception, SlipwayError)
    assert told in str(failed.exception)
    assert failed.exception.mend
