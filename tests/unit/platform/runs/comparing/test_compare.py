"""Two runs side by side: what went in, what came out, and a page that needs nobody."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from slipway.platform.runs.comparing.charts import BUCKETS, Axis, Curve, bucketed, curve_chart
from slipway.platform.runs.comparing.comparison import compare
from slipway.platform.runs.comparing.measured import measured
from slipway.platform.runs.comparing.report import report
from slipway.platform.runs.find import find
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Binding


def test_a_person_sees_what_differs_and_which_metrics_are_clearly_better(three: Any) -> None:
    done = three.slipway("compare", "calm-heron", "brisk-otter")
    assert done.returncode == 0, done.stderr
    lines = [re.sub(r" {2,}", " | ", line) for line in done.stdout.splitlines()]
    assert "config | optimizer.lr | 0.001 | 0.01" in lines
    assert any(line.startswith("snapshot | snapshot | ") for line in lines)
    assert "all | accuracy | 0.9000 [0.8900, 0.9100] | 0.9100 [0.9000, 0.9200] +0.0100" in lines
    assert "light = night | accuracy | 0.8000 [0.7900, 0.8100] | 0.8600 [0.8500, 0.8700] +0.0600 better" in lines
    assert "light = fog | accuracy | 0.5000 | 0.5000 +0.0000" in lines
    assert "all | calibration error | 0.0500 [0.0400, 0.0600] | 0.0200 [0.0100, 0.0300] -0.0300 better" in lines
    assert "torch" not in done.stdout
    assert "1 of the code and 1 of the lock; --inputs lists them" in done.stderr
    assert "judged on different data" in done.stderr


def test_with_inputs_files_lock_lines_and_shards_are_listed(three: Any) -> None:
    done = three.slipway("compare", "calm-heron", "brisk-otter", "--inputs")
    lines = [re.sub(r" {2,}", " | ", line) for line in done.stdout.splitlines()]
    assert "lock | torch | 2.13.0 | 2.14.0" in lines
    assert any(line.startswith("code | slipway/training/task.py | ") for line in lines)
    shards = [line for line in lines if line.startswith("shards | shards/")]
    assert sorted(line.partition("….tar | ")[2] for line in shards) == ["- | 1,000 bytes", "1,000 bytes | -"]
    assert sum(line.startswith("shards | index.parquet") for line in lines) == 2


def test_three_runs_and_one_of_them_not_judged_yet_as_data(three: Any) -> None:
    done = three.slipway("compare", "calm-heron", "brisk-otter", "keen-lynx", "--json")
    found = json.loads(done.stdout)
    assert [run["name"] for run in found["runs"]] == ["calm-heron", "brisk-otter", "keen-lynx"]
    rates = next(row for row in found["inputs"] if row["name"] == "optimizer.lr")
    assert rates["values"] == [0.001, 0.01, 0.1]
    accuracy = found["metrics"][0]
    assert (accuracy["metric"], accuracy["column"]) == ("accuracy", "")
    assert accuracy["values"][2] is None
    assert accuracy["changes"] == [0.0, pytest.approx(0.01), None]


def test_the_report_is_one_file_that_asks_nobody(three: Any) -> None:
    done = three.slipway("compare", "calm-heron", "brisk-otter", "keen-lynx", "-o", "report.html")
    assert done.returncode == 0, done.stderr
    page = (three.root / "report.html").read_text()
    assert not re.search(r"https?://|url\(|@import|<script|<link|<img|src=", page)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert "&lt;b&gt;tries&lt;/b&gt; a rate" in page
    assert page.count('class="line run2"') >= 2
    assert "train/loss" in page
    assert balanced(page)


@pytest.mark.parametrize("away", ["http://127.0.0.1:9", None])
def test_an_mlflow_that_is_not_there_costs_only_curves_and_looking_makes_nothing(three: Any, away: str | None) -> None:
    if away:
        (three.root / "slipway.toml").write_text(f'[contexts.local.mlflow]\ntracking_uri = "{away}"\n')
    snapshot = three.snapshot("a", "b")
    key = three.run("late-owl", snapshot=snapshot, lr=0.5)
    Binding(run_id="0" * 32, experiment_id="1", name="late-owl").bind(three.store, WorkKeys(key).mlflow)
    done = three.slipway("compare", "calm-heron", "late-owl")
    assert done.returncode == 0, done.stderr
    assert "config  optimizer.lr" in done.stdout
    assert ("The curves of late-owl are missing: MLflow at http://127.0.0.1:9" in done.stderr) == bool(away)
    assert [path.name for path in (three.root / ".slipway").iterdir()] == ["store"]


def test_what_cannot_be_compared_is_wrong_use(three: Any) -> None:
    alone = three.slipway("compare", "calm-heron")
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "two or more" in alone.stderr
    same = three.slipway("compare", "calm-heron", "calm-heron")
    assert same.returncode == 2
    assert "one piece of work" in same.stderr
    unknown = three.slipway("compare", "calm-heron", "brisk-oter")
    assert unknown.returncode == 2
    assert "brisk-otter" in unknown.stderr
    nowhere = three.slipway("compare", "calm-heron", "brisk-otter", "-o", "no/such/report.html")
    assert nowhere.returncode == 2
    assert not (three.root / "no").exists()
    folder = three.slipway("compare", "calm-heron", "brisk-otter", "-o", ".slipway")
    assert folder.returncode == 2
    assert "-o .slipway/report.html" in folder.stderr


def test_less_is_better_where_the_judgement_says_so(judgement: Any) -> None:
    rows = measured([judgement(0.9, 0.8, 0.05), judgement(0.8, 0.8, 0.09)])
    verdicts = {row.metric: row.better(1) for row in rows if not row.column}
    assert verdicts == {"accuracy": False, "calibration error": False}


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), None, "0.5"])
def test_what_was_not_measured_is_shown_as_a_dash_and_drawn_nowhere(project: Any, judgement: Any, odd: object) -> None:
    snapshot = project.snapshot("a")
    judged = judgement(0.9, 0.8, 0.05)
    judged["overall"]["accuracy"] = {"value": odd, "low": odd, "high": odd, "units": 3}
    project.run("calm-heron", snapshot=snapshot, evaluation=judged)
    project.run("brisk-otter", snapshot=snapshot, lr=0.1, evaluation=judgement(0.9, 0.8, 0.05))
    project.run("keen-lynx", snapshot=snapshot, lr=0.2, evaluation=[])
    for first, second in (("calm-heron", "brisk-otter"), ("brisk-otter", "keen-lynx")):
        keys = [find(project.store, name) for name in (first, second, "calm-heron")]
        found = compare(project.store, keys)
        page = report(found, datetime(2026, 3, 2, tzinfo=UTC))
        assert balanced(page)
        assert "nan" not in page
        assert json.loads(json.dumps(found.as_data(), allow_nan=False))["metrics"][0]["values"][2]["value"] is None


def test_a_long_curve_keeps_its_spikes_and_leaves_out_what_is_no_number() -> None:
    values = [1.0] * 5000
    values[2500], values[10] = 9.0, float("nan")
    found = bucketed(Curve(0, "calm-heron", range(5000), values))
    assert len(found) <= BUCKETS
    assert max(bucket.greatest for bucket in found) == 9.0
    assert min(bucket.least for bucket in found) == 1.0


@pytest.mark.parametrize("values", [[], [float("nan")], [0.0], [5.0, 5.0, 5.0], [1e-9, 1e9], [-3.0, 0.0, 3.0]])
def test_any_values_make_a_chart_or_none(values: list[float]) -> None:
    chart = curve_chart("loss", [Curve(0, "calm-heron", range(len(values)), values)])
    assert "nan" not in chart
    assert chart.startswith("<svg") == any(value == value for value in values)  # noqa: PLR0124 - nan is not itself


def test_ticks_are_round_and_on_the_axis() -> None:
    assert Axis(0.13, 0.87, 0, 100).ticks() == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert Axis(0.001, 10, 0, 100, logarithmic=True).ticks() == pytest.approx([0.001, 0.01, 0.1, 1, 10])


class Balance(HTMLParser):
    """Whether every element that is opened is closed, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.good = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag not in {"meta", "br"}:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing: it is closed."""

    def handle_endtag(self, tag: str) -> None:
        self.good = self.good and bool(self.stack) and self.stack.pop() == tag


def balanced(page: str) -> bool:
    parser = Balance()
    parser.feed(page)
    return parser.good and not parser.stack
