"""How far a training is, told to people: in a terminal, and where nobody watches."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from slipway.platform.cli.progress import Bar, Lines
from slipway.platform.jobs.pace import Eta, Milestones, sentence
from slipway.platform.telling import duration

TOLD = {
    "step": 40, "steps": 600, "epoch": 2, "epochs": 20, "phase": "train", "rate": 512.4, "loss": 1.25, "metric": 0.4123,
}  # fmt: skip


def test_a_sentence_has_loss_metric_speed_and_what_is_left() -> None:
    assert sentence(TOLD, 75.0) == ("epoch 2/20, step 40/600, loss 1.25, metric 0.4123, 512 images/s, 1 min 15 s left")


def test_a_sentence_says_only_what_is_known() -> None:
    assert sentence({"phase": "starting"}, None) == ""


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (7260, "2 h 01 min")])
def test_durations_are_told_as_people_do(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_what_is_left_goes_by_the_reports_and_stands_still_with_them() -> None:
    eta = Eta()
    assert eta.of({}) is None
    assert eta.of({"step": 10, "steps": 30, "time": 100.0}) is None
    assert eta.of({"step": 20, "steps": 30, "time": 105.0}) == pytest.approx(5.0)
    assert eta.of({"step": 20, "steps": 30, "time": 105.0}) == pytest.approx(5.0)
    assert eta.of({"step": 20, "steps": 30, "time": 175.0}) == pytest.approx(5.0), "no step is no new knowledge"
    assert eta.of({"step": 30, "steps": 30, "time": 110.0}) == 0


def test_what_is_left_of_an_attempt_that_goes_on_counts_its_own_steps() -> None:
    eta = Eta()
    eta.of({"step": 20, "steps": 30, "time": 100.0})
    assert eta.of({"step": 5, "steps": 30, "time": 200.0}) is None
    assert eta.of({"step": 10, "steps": 30, "time": 205.0}) == pytest.approx(20.0)


def test_a_log_gets_a_line_for_each_epoch_and_phase_and_one_now_and_then() -> None:
    milestones = Milestones(every=30.0)
    assert milestones.line({}, 0.0) == ""
    assert milestones.line({**TOLD, "step": 1}, 0.0).startswith("train: epoch 2/20, step 1/600, loss 1.25")
    assert milestones.line({**TOLD, "step": 2}, 1.0) == ""
    assert milestones.line({**TOLD, "step": 2}, 40.0) == "", "the same report again is no news"
    assert milestones.line({**TOLD, "step": 3}, 41.0)
    assert milestones.line({**TOLD, "step": 4, "phase": "validation"}, 42.0).startswith("validation: ")
    assert milestones.line({**TOLD, "step": 4, "phase": "validation", "metric": 0.5}, 43.0)
    assert milestones.line({**TOLD, "step": 5, "epoch": 3}, 44.0)


def test_where_nobody_watches_a_line_comes_with_a_new_phase_or_trouble_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = Lines()
    lines.progress({}, "")
    for step in range(5):
        lines.progress({**TOLD, "step": step}, "")
    lines.progress({**TOLD, "phase": "validation"}, "")
    lines.progress({**TOLD, "phase": "validation"}, "MLflow is behind by 7 events since 12:00:00")
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in said] == ["train", "validation", "validation"]
    assert said[-1].endswith("(MLflow is behind by 7 events since 12:00:00)")


def test_in_a_terminal_the_bar_moves_and_remarks_stand_beside_it() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=200)
    columns = (
        TextColumn("{task.description} {task.completed}/{task.total} {task.fields[told]} {task.fields[remark]}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = Bar(progress)
        bar.note("quiet-heron-412: attempt 1, first.")
        bar.progress(TOLD, "the store does not answer")
    assert "quiet-heron-412" in written.getvalue()
    assert "train 40/600 epoch 2/20" in written.getvalue()
    assert "the store does not answer" in written.getvalue()
