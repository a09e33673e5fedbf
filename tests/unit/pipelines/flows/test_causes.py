"""Why a model is trained again, or not: each cause alone, together, and what is none."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from slipway.pipelines.flows.causes import Changed, Drift, decide
from slipway.pipelines.steps.step import Cause
from slipway.platform.data.chosen import Rows
from slipway.platform.models.schema import Cause as Declared

ALL = ("data", "labels", "drift", "schedule")
NO_ROWS = Rows()
SINCE = "version 3 (quiet-heron-412)"
NIGHT = Drift(line="the contrast of images moved by 0.41", missing=60, task="a1b2c3d4")
LABELLED = replace(NIGHT, missing=0)


def changed(rows: Rows = NO_ROWS, **parts: tuple[str, ...]) -> Changed:
    return Changed(since=SINCE, rows=rows, **parts)


def test_a_declaration_can_name_every_cause_but_that_somebody_asks() -> None:
    assert set(get_args(Declared)) == set(Cause) - {Cause.ASKED}


@pytest.mark.parametrize(
    ("rows", "cause", "told"),
    [
        (Rows(added=40), Cause.DATA, "retrained: 40 rows came since version 3 (quiet-heron-412)"),
        (Rows(removed=1), Cause.DATA, "retrained: 1 row went since version 3 (quiet-heron-412)"),
        (Rows(relabelled=3), Cause.LABELS, "retrained: 3 rows got another label since version 3 (quiet-heron-412)"),
    ],
)
def test_new_rows_are_data_and_other_labels_are_labels(rows: Rows, cause: Cause, told: str) -> None:
    decision = decide(ALL, "data", changed(rows))
    assert (decision.cause, decision.line) == (cause, told)


@pytest.mark.parametrize("woken", ["data", "labels", "drift", "schedule"])
def test_whatever_woke_it_all_causes_are_looked_at(woken: str) -> None:
    assert decide(ALL, woken, changed(Rows(relabelled=3))).cause is Cause.LABELS


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"lock": ("numpy",)}, f"not retrained: only the lock changed since {SINCE}"),
        ({"code": ("a.py",)}, f"not retrained: only code changed since {SINCE}"),
        ({"code": ("a.py",), "lock": ("numpy",)}, f"not retrained: only code and the lock changed since {SINCE}"),
        (
            {"config": ("lr",), "code": ("a.py",), "lock": ("numpy",)},
            f"not retrained: only the config, code and the lock changed since {SINCE}",
        ),
        ({}, f"not retrained: nothing changed since {SINCE}"),
    ],
)
def test_code_config_and_lock_are_no_causes(parts: dict[str, Any], told: str) -> None:
    decision = decide(ALL, "data", changed(**parts))
    assert (decision.cause, decision.line) == (None, told)


def test_the_time_trains_what_changed_in_whatever_and_nothing_that_did_not() -> None:
    due = decide(ALL, "schedule", changed(lock=("numpy",)))
    assert (due.cause, due.line) == (
        Cause.SCHEDULE,
        f"retrained: the time has come, and the lock changed since {SINCE}",
    )
    rows = changed(Rows(added=40))
    for on in (ALL, ("schedule",)):
        assert decide(on, "schedule", rows).line == f"retrained: 40 rows came since {SINCE}, and the time has come"
    assert not decide(ALL, "schedule", changed()).trains
    assert not decide(("data",), "schedule", changed(lock=("numpy",))).trains, "the schedule is no cause of this model"


def test_of_several_causes_the_sentence_tells_all_and_the_weightiest_counts() -> None:
    decision = decide(ALL, "schedule", changed(Rows(added=80, relabelled=2, by_people=82)), LABELLED)
    assert decision.cause is Cause.DRIFT
    assert "80 rows came" in decision.line
    assert "2 rows got another label" in decision.line
    assert "people labelled 82 rows" in decision.line


def test_what_is_no_cause_of_this_model_trains_nothing_and_says_so() -> None:
    decision = decide(("labels", "drift"), "data", changed(Rows(added=40)))
    assert not decision.trains
    assert decision.line == f"not retrained: 40 rows came since {SINCE}, but retrain.on is labels, drift"


def test_rows_that_the_view_does_not_choose_are_no_new_data() -> None:
    decision = decide(ALL, "data", changed(Rows(elsewhere=500)))
    assert not decision.trains
    assert decision.line == (f"not retrained: the data changed since {SINCE}, but not in what the model looks at")


def test_rows_without_a_label_and_labels_that_were_only_confirmed_are_no_causes() -> None:
    decision = decide(ALL, "data", changed(Rows(unlabelled=12, confirmed=5)))
    assert not decision.trains
    assert decision.line == ("not retrained: 12 rows came without a label; 5 rows were reviewed and left as they were")


def test_drift_without_newly_labelled_rows_trains_nothing_and_counts_what_is_missing() -> None:
    decision = decide(ALL, "drift", changed(), NIGHT)
    assert not decision.trains
    assert (decision.missing, decision.task) == (60, "a1b2c3d4")
    assert decision.line.startswith(
        "not retrained: drift without newly labelled rows: 60 labels are missing, task a1b2c3d4"
    )
    some = decide(("drift",), "drift", changed(Rows(added=59, by_people=59)), replace(NIGHT, missing=1))
    assert not some.trains
    assert "drift: 1 label is missing, task a1b2c3d4" in some.line


def test_drift_with_all_labels_is_a_cause_and_what_the_model_labelled_itself_does_not_count() -> None:
    assert decide(("drift",), "labels", changed(Rows(relabelled=60, by_people=60)), LABELLED).cause is Cause.DRIFT
    assert not decide(("drift",), "labels", changed(Rows(added=500)), LABELLED).trains


def test_drift_of_a_model_that_does_not_retrain_for_it_asks_for_no_labels() -> None:
    decision = decide(("data",), "drift", changed(), NIGHT)
    assert (decision.trains, decision.missing) == (False, 0)


def test_who_asks_is_answered_and_what_never_was_made_is_made() -> None:
    assert decide((), "asked", changed()).cause is Cause.ASKED
    assert decide(("labels", "schedule"), "schedule", None).cause is Cause.LABELS
    assert decide((), "schedule", None).line == "not retrained: model.yaml names no cause in retrain.on"
