"""A runner killed around the binding of its MLflow run or of its result: one run, one result, each point once."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from slipway.platform.jobs.overseeing.settling import settle
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import State
from slipway.platform.runs.standing import Here, standing
from slipway.platform.runs.tracking.tracker import open_tracker

pytestmark = [pytest.mark.xdist_group("killed-around-mlflow"), pytest.mark.timeout(240)]

Desk = Any
Eventually = Callable[[Callable[[], bool]], None]
STEPS: Final = 6
DATABASE: Final = ".slipway/mlflow.db"


def rows(database: Path, question: str) -> list[tuple[object, ...]]:
    """What a file says."""
    with sqlite3.connect(database, timeout=60) as opened:
        return list(opened.execute(question))


def made(desk: Desk) -> bool:
    return bool(rows(desk.loaded.root / DATABASE, "select run_uuid from runs"))


def bound(desk: Desk) -> bool:
    return any(desk.store.list(WorkKeys(desk.key).mlflow))


def judged(desk: Desk) -> bool:
    return Path(desk.folder, "work/1/results/summary.json").exists()


MOMENTS: Final[Mapping[str, tuple[Callable[[Desk], bool], int | None]]] = {
    "the MLflow run is made": (made, STEPS - 1),
    "the MLflow run is bound": (bound, STEPS - 1),
    "the child is done": (judged, None),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_there_is_one_run_with_each_point_once(
    desk: Desk, database: Path, eventually: Eventually, moment: str
) -> None:
    happened, wait_at = MOMENTS[moment]
    runner = desk.begin(mlflow=True, **({"wait_at": wait_at} if wait_at else {}))
    eventually(lambda: happened(desk) or runner.poll() is not None)
    runner.kill()
    runner.communicate()
    again = desk.begin(mlflow=True)
    _, errors = again.communicate()
    assert again.returncode == 0, errors
    check_one_of_each(desk, database)


def test_killed_behind_its_result_the_work_is_done_and_mlflow_hears_of_it(
    desk: Desk, database: Path, eventually: Eventually
) -> None:
    runner = desk.begin(mlflow=True)
    eventually(lambda: any(desk.store.list(WorkKeys(desk.key).result)) or runner.poll() is not None)
    runner.kill()
    runner.communicate()
    root = desk.loaded.root
    found = standing(desk.store, desk.key, Here.at(root))
    assert found.state is State.DONE
    assert settle(desk.store, lambda: open_tracker(desk.loaded.settings.mlflow, root), Here.at(root), found) == ""
    check_one_of_each(desk, database)
    assert desk.outcome().state is State.DONE


def check_one_of_each(desk: Desk, database: Path) -> None:
    """One active run that is finished, one result, and each step's loss once."""
    assert rows(database, "select status from runs where lifecycle_stage = 'active'") == [("FINISHED",)]
    assert len(list(desk.store.list(WorkKeys(desk.key).result))) == 1
    points = rows(database, "select step from metrics where key = 'train/loss' order by step")
    assert points == [(step,) for step in range(1, STEPS + 1)]


def test_eight_who_ask_at_once_share_one_attempt_and_one_mlflow_run(desk: Desk, database: Path) -> None:
    desk.write()
    archive = desk.folder / "archive"
    for path, source in desk.code.sources.items():
        (archive / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, archive / path)
    askers = [desk.start("asking_process.py") for _ in range(8)]
    for asker in askers:
        asker.stdin.write("now\n")
        asker.stdin.flush()
    told = [asker.communicate() for asker in askers]
    assert [asker.returncode for asker in askers] == [0] * 8, told
    answers = [json.loads(printed) for printed, _ in told]
    assert {(one["name"], one["state"]) for one in answers} == {(answers[0]["name"], "done")}
    assert [one["how"] for one in answers].count("ran") == 1
    assert len([key for key in desk.store.list(WorkKeys(desk.key).attempts) if key.endswith("spec.json")]) == 1
    check_one_of_each(desk, database)
