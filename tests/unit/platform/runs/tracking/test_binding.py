"""One piece of work has one active MLflow run, whoever is killed and whatever people do in MLflow."""

import json
import shutil
from dataclasses import replace
from typing import Any

import pytest

from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.tracking.binding import KEY_TAG, bind, bound

pytestmark = pytest.mark.xdist_group("mlflow")


@pytest.mark.parametrize("kind", ["served", "new_file"])
def test_eight_processes_at_once_have_one_run(
    kind: str, script: Any, works: Any, tmp_path: Any, request: pytest.FixtureRequest
) -> None:
    new = f"sqlite:///{tmp_path}/new/mlflow.db"
    work = works(new) if kind == "new_file" else request.getfixturevalue(kind)
    arguments = [str(work.folder), work.settings.tracking_uri, work.store.url, work.key]
    with script("bind_at_once.py", "8", *arguments) as process:
        out, problems = process.communicate(timeout=100)
    found = json.loads(out or "[]")
    assert len(found) == 8, problems
    assert set(found) == set(work.run_ids()) == {bound_id(work)}


def test_a_second_start_attaches(work: Any) -> None:
    first = bind(work.store, work.tracker(), work.wanted)
    again = bind(work.store, work.tracker(), replace(work.wanted, name="other"))
    assert (again.run_id, again.name) == (first.run_id, "calm-heron")


def test_a_kill_between_creating_and_binding_leaves_no_second_run(work: Any) -> None:
    tracker = work.tracker()
    orphan = tracker.create(tracker.experiment("vehicle-reid"), "calm-heron", {KEY_TAG: work.key}, 1)
    assert bind(work.store, tracker, work.wanted).run_id == orphan.run_id
    assert work.run_ids() == [orphan.run_id] == [bound_id(work)]


def test_an_orphan_beside_the_bound_run_is_deleted(work: Any) -> None:
    tracker = work.tracker()
    first = bind(work.store, tracker, work.wanted)
    tracker.create(first.experiment_id, "calm-heron", {KEY_TAG: work.key}, 1)
    assert bind(work.store, tracker, work.wanted).run_id == first.run_id
    assert work.run_ids() == [first.run_id]


def test_who_is_slower_deletes_its_run_and_adopts(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = work.tracker(), work.tracker()
    create = slow.create
    quick_runs = []

    def create_slowly(*arguments: Any) -> Any:
        quick_runs.append(bind(work.store, quick, work.wanted))
        return create(*arguments)

    monkeypatch.setattr(slow, "create", create_slowly)
    assert bind(work.store, slow, work.wanted).run_id == quick_runs[0].run_id
    assert work.run_ids() == [quick_runs[0].run_id]


def test_a_run_that_somebody_deleted_is_restored(work: Any) -> None:
    tracker = work.tracker()
    first = bind(work.store, tracker, work.wanted)
    tracker.delete(first.run_id)
    assert work.run_ids() == []
    again = bind(work.store, tracker, work.wanted)
    assert (again.run_id, again.active) == (first.run_id, True)


def test_a_run_that_is_gone_for_good_is_bound_anew(work: Any, caplog: pytest.LogCaptureFixture) -> None:
    gone = bound_to_nothing(work)
    found = bind(work.store, work.tracker(), work.wanted)
    assert found.run_id != gone
    assert bound_id(work) == found.run_id
    assert "making another" in caplog.text


def test_who_may_not_delete_leaves_the_stray_and_goes_on(
    works: Any, network: Any, caplog: pytest.LogCaptureFixture
) -> None:
    work = works(network.address)
    tracker = work.tracker()
    first = bind(work.store, tracker, work.wanted)
    stray = tracker.create(first.experiment_id, "calm-heron", {KEY_TAG: work.key}, 1)
    network.plan("/runs/delete", lambda _: (403, b"Permission denied"))
    assert bind(work.store, tracker, work.wanted).run_id == first.run_id
    assert f"{stray.run_id} stays until somebody who may deletes it" in caplog.text
    bind(work.store, tracker, work.wanted)
    assert work.run_ids() == [first.run_id]


def test_another_store_finds_the_run_by_its_tag(work: Any) -> None:
    first = bind(work.store, work.tracker(), work.wanted)
    shutil.rmtree(work.store.url)
    assert bound(work.store, work.key) is None
    assert bind(work.store, work.tracker(), work.wanted).run_id == first.run_id


def bound_id(work: Any) -> str | None:
    binding = bound(work.store, work.key)
    return binding.run_id if binding else None


def bound_to_nothing(work: Any) -> str:
    gone = "0" * 32
    record = json.dumps({"run_id": gone, "experiment_id": "1", "name": "calm-heron"})
    work.store.put_if_absent(WorkKeys(work.key).mlflow, record.encode())
    return gone
