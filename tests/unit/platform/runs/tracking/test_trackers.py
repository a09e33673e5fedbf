"""A server and a database file do the same."""

import math
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.runs.tracking.tracker import Dataset, Point, TrackingRefused, TrackingUnreachable, open_tracker
from slipway.platform.settings import schema

pytestmark = pytest.mark.xdist_group("mlflow")


def test_a_run_is_found_by_its_tag_until_it_is_deleted(work: Any) -> None:
    tracker = work.tracker()
    experiment = tracker.experiment("bays")
    made = tracker.create(experiment, "calm-heron", {"slipway.key": work.key}, 1_700_000_000_000)
    (found,) = tracker.find(experiment, "slipway.key", work.key)
    assert (found.run_id, found.name, found.active) == (made.run_id, "calm-heron", True)
    tracker.delete(made.run_id)
    tracker.delete(made.run_id)
    assert tracker.find(experiment, "slipway.key", work.key) == []
    assert not tracker.look(made.run_id).active
    tracker.restore(made.run_id)
    assert tracker.look(made.run_id).active
    assert tracker.look("0" * 32) is None


def test_a_deleted_experiment_comes_back(work: Any) -> None:
    tracker = work.tracker()
    experiment = tracker.experiment(work.key)
    if work.settings.tracking_uri.startswith("http"):
        tracker._post("experiments/delete", {"experiment_id": experiment})
    else:
        tracker._store.delete_experiment(experiment)
    assert tracker.experiment(work.key) == experiment
    tracker.create(experiment, "calm-heron", {}, 1)


def test_values_that_are_no_numbers_survive_and_a_point_sent_twice_is_there_once(work: Any) -> None:
    tracker = work.tracker()
    run = tracker.create(tracker.experiment("bays"), "calm-heron", {}, 1)
    points = [
        Point("loss", 0.25, 0, 1000),
        Point("loss", math.nan, 1, 1001),
        Point("loss", math.inf, 2, 1002),
        Point("loss", -math.inf, 3, 1003),
        Point("other", 0.0, 0, 0),
    ]
    tracker.write(run.run_id, points, {"hardware/cpu": "a b"})
    tracker.write(run.run_id, points)
    found = tracker.history(run.run_id, "loss")
    assert [point.step for point in found] == [0, 1, 2, 3]
    assert found[0] == points[0]
    assert math.isnan(found[1].value)
    assert found[2].value > 1e308
    assert found[3].value < -1e308
    seen = tracker.look(run.run_id)
    assert seen.last["loss"].step == 3
    assert seen.tags["hardware/cpu"] == "a b"


def test_a_parameter_keeps_its_value_and_a_status_can_go_back_to_running(work: Any) -> None:
    tracker = work.tracker()
    run = tracker.create(tracker.experiment("bays"), "calm-heron", {}, 1)
    tracker.params(run.run_id, {"lr": "0.1"})
    tracker.params(run.run_id, {"lr": "0.1"})
    with pytest.raises(TrackingRefused):
        tracker.params(run.run_id, {"lr": "0.2"})
    tracker.status(run.run_id, "FAILED", 2000)
    assert tracker.look(run.run_id).status == "FAILED"
    tracker.status(run.run_id, "RUNNING")
    seen = tracker.look(run.run_id)
    assert (seen.status, seen.params) == ("RUNNING", {"lr": "0.1"})


def test_a_dataset_is_said_twice_and_there_once(work: Any) -> None:
    tracker = work.tracker()
    run = tracker.create(tracker.experiment("bays"), "calm-heron", {}, 1)
    for _ in range(2):
        tracker.dataset(run.run_id, Dataset("snapshot", work.key[:36], "slipway", "{}", {"images": 3}), "training")
    (seen,) = inputs_of(tracker, run.run_id)
    assert seen == ("snapshot", work.key[:36])


def test_files_arrive_under_their_names_and_the_last_one_stays(work: Any, tmp_path: Path, server: Any) -> None:
    tracker = work.tracker()
    run = tracker.create(tracker.experiment("bays"), "calm-heron", {}, 1)
    for content in (b"first", b"second"):
        (tmp_path / "a.png").write_bytes(content)
        tracker.artifact(run, tmp_path / "a.png", "pictures/pr curve.png")
    roots = [server._folder / "artifacts", work.folder]
    (found,) = [path for root in roots for path in root.rglob("pr curve.png") if run.run_id in str(path)]
    assert found.read_bytes() == b"second"
    assert found.parent.name == "pictures"


def test_nobody_at_the_address_is_unreachable_and_no_address_is_wrong_use(tmp_path: Path) -> None:
    nobody = open_tracker(schema.MLflow(tracking_uri="http://127.0.0.1:9"), tmp_path)
    with closing(nobody), pytest.raises(TrackingUnreachable, match="cannot be used"):
        nobody.experiment("bays")
    with pytest.raises(WrongUse, match="neither an MLflow server"):
        open_tracker(schema.MLflow(tracking_uri="ftp://x"), tmp_path)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_trouble_over_there_may_pass(works: Any, network: Any, status: int) -> None:
    work = works(network.address)
    network.plan("/experiments/", lambda _: (status, b"<html>no</html>"))
    with pytest.raises(TrackingUnreachable, match=str(status)):
        work.tracker().experiment("bays")


def test_a_page_that_somebody_else_serves_is_not_taken_for_an_answer(works: Any, network: Any) -> None:
    work = works(network.address)
    network.plan("/runs/get", lambda _: (404, b"<html>nothing here</html>"), lambda _: (200, b"<html>log in</html>"))
    for _ in range(2):
        with pytest.raises(TrackingUnreachable, match="not MLflow"):
            work.tracker().look("0" * 32)


def inputs_of(tracker: Any, run_id: str) -> list[tuple[str, str]]:
    if tracker.address.startswith("http"):
        run = tracker._client.get("/api/2.0/mlflow/runs/get", params={"run_id": run_id}).json()["run"]
        return [(one["dataset"]["name"], one["dataset"]["digest"]) for one in run["inputs"]["dataset_inputs"]]
    found = tracker._store.get_run(run_id).inputs.dataset_inputs
    return [(one.dataset.name, one.dataset.digest) for one in found]
