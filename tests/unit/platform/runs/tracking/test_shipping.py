"""What a training logs arrives in MLflow exactly once, whoever is killed and however long MLflow is away."""

import math
import threading
from dataclasses import replace
from typing import Any

import pytest

from slipway.platform.data.manifest import FileEntry, Manifest
from slipway.platform.runs.comparing.curves import history
from slipway.platform.runs.journal import Journal
from slipway.platform.runs.records import State
from slipway.platform.runs.tracking.catching_up import catch_up, unshipped
from slipway.platform.runs.tracking.tracker import TrackedRun

pytestmark = pytest.mark.xdist_group("mlflow")

PATIENCE = 60.0


def test_everything_that_is_said_of_an_attempt_arrives(work: Any, server: Any) -> None:
    told = {"note": "tries a *lower* rate", "team": "vision", "tags": {"goal": "recall", "slipway.key": "mine"}}
    journal = work.attempt(**told, revision="0123abc+dirty")
    journal.write("facts", values={"hardware/cpu": "a processor", "hardware/cores": 2})
    for step in range(5):
        journal.metrics(step, {"train/loss": 1 / (step + 1), "odd @name": step})
    journal.metrics(5, {"train/loss": math.nan})
    journal.write("picture", name="pr", file="pictures/pr.png", step=5)
    (work.place.results / "pictures").mkdir()
    (work.place.results / "pictures/pr.png").write_bytes(b"png")
    (work.place.results / "evaluation.json").write_text("{}")
    work.place.log.write_text("hello\n")
    manifest = Manifest(counts={"images": 3}, files={"index.parquet": FileEntry(sha256="a" * 64, size=1)})
    config = {**work.parts.config, "runtime": {"target": "local"}}
    described = replace(work.described(), manifest=manifest, config=config, patch="--- a\n+++ b\n")
    shipper = work.shipper(described=described)
    shipper.start()
    standing = shipper.close(work.outcome(), PATIENCE)
    assert standing.complete, standing
    assert (standing.behind, standing.refused, standing.line()) == (0, (), "")

    run = found(work)
    assert (run.name, run.status) == ("calm-heron", "FINISHED")
    assert run.params == {
        "model": "vehicle-reid", "optimizer.lr": "0.001", "optimizer.betas": "[0.9, 0.999]", "seed": "7"
    }  # fmt: skip
    expected = {
        "mlflow.note.content": "tries a *lower* rate", "slipway.team": "vision", "goal": "recall",
        "slipway.key": work.key, "slipway.submitted-by": "ada", "slipway.attempt": "1", "slipway.state": "done",
        "slipway.revision": "0123abc+dirty", "slipway.snapshot": work.parts.snapshot, "slipway.target": "local",
        "hardware/cpu": "a processor", "hardware/cores": "2",
    }  # fmt: skip
    assert expected.items() <= run.tags.items()
    assert run.tags["slipway.attempt.1"].startswith("done after 300 s: Done. · by ada on nest")
    assert work.steps("train/loss") == [0, 1, 2, 3, 4, 5]
    assert work.steps("odd _name") == [0, 1, 2, 3, 4]
    assert files(work, server, run) == [
        "attempts/1/log.txt", "config.yaml", "dirty.patch", "evaluation.json", "parts.json", "pictures/pr.png"
    ]  # fmt: skip


def test_steps_that_a_resumed_training_repeats_are_there_once(work: Any) -> None:
    journal = work.attempt()
    for step in range(41):
        journal.metrics(step, {"train/loss": step / 7})
    first = work.shipper()
    first.start()
    assert first.close(work.outcome(State.RESUMABLE), PATIENCE).complete
    assert found(work).status == "KILLED"
    journal = work.attempt(2, why="after attempt 1, resumable")
    for step in range(30, 61):
        journal.metrics(step, {"train/loss": step / 7, "late": 1.0})
    second = work.shipper()
    second.start()
    assert second.close(work.outcome(), PATIENCE).complete
    assert work.steps("train/loss") == list(range(61))
    assert work.steps("late") == list(range(30, 61))
    run = found(work)
    assert run.status == "FINISHED"
    assert run.tags["slipway.attempt.1"].startswith("resumable")
    assert run.tags["slipway.attempt.2"].startswith("done")


def test_an_attempt_that_ends_late_does_not_speak_for_the_one_behind_it(work: Any) -> None:
    work.attempt().metrics(0, {"train/loss": 1.0})
    first, ended = work.shipper(), work.outcome(State.RESUMABLE)
    work.attempt(2, why="after attempt 1, resumable").metrics(1, {"train/loss": 1.0})
    work.keep_journal()
    second = work.shipper()
    second.start()
    first.start()
    assert first.close(ended, PATIENCE).complete
    run = found(work)
    assert (run.status, run.tags["slipway.state"]) == ("RUNNING", "running")
    assert run.tags["slipway.attempt.1"].startswith("resumable")
    assert list(work.store.list("unshipped/")) == [f"unshipped/{work.key}"]
    assert second.close(work.outcome(), PATIENCE).complete
    assert found(work).status == "FINISHED"
    assert unshipped(work.store) == []


def test_what_is_logged_arrives_while_the_training_goes_on(served: Any, until: Any) -> None:
    journal = served.attempt()
    shipper = served.shipper()
    shipper.start()
    for step in range(3):
        journal.metrics(step, {"train/loss": 1.0})
        until(lambda step=step: shipper.standing.shipped == step + 1)
    assert found(served).status == "RUNNING"
    assert served.steps("train/loss") == [0, 1, 2]


def test_a_killed_shipper_and_a_new_one_send_each_point_once(served: Any, script: Any) -> None:
    journal = served.attempt()
    for step in range(2500):
        journal.metrics(step, {"train/loss": step / 7, "train/accuracy": step / 9})
    arguments = [served.folder, served.settings.tracking_uri, served.store.url, served.key, 1, served.place.folder]
    with script("ship_until_killed.py", *map(str, arguments)) as process:
        assert process.stdout.readline() == "now\n", process.stderr.read()
        process.kill()
    assert len(served.steps("train/loss")) == 1500
    shipper = served.shipper()
    shipper.start()
    assert shipper.close(served.outcome(), PATIENCE).complete
    assert served.steps("train/loss") == served.steps("train/accuracy") == list(range(2500))


def test_a_server_that_is_killed_and_comes_back_has_every_point_once(served: Any, server: Any, until: Any) -> None:
    journal = served.attempt()
    shipper = served.shipper()
    shipper.start()
    log = writing(journal, 1500)
    try:
        until(lambda: shipper.standing.shipped > 100)
        server.kill()
        until(lambda: shipper.standing.since is not None)
        log.join()
        until(lambda: shipper.standing.behind > 0)
        assert shipper.standing.line().startswith(f"MLflow is behind by {shipper.standing.behind:,} events since ")
    finally:
        server.start()
    assert shipper.close(served.outcome(), PATIENCE).complete
    assert served.steps("train/loss") == list(range(1500))


def test_nothing_is_lost_when_mlflow_is_never_there(works: Any, server: Any) -> None:
    work = works("http://127.0.0.1:9")
    journal = work.attempt()
    for step in range(20):
        journal.metrics(step, {"train/loss": step / 7})
    work.keep_journal()
    shipper = work.shipper()
    shipper.start()
    standing = shipper.close(work.outcome(State.FAILED), 0.2)
    assert not standing.complete
    assert standing.behind == 20
    assert "127.0.0.1:9" in standing.problem
    assert unshipped(work.store) == [work.key]
    assert history(work.store, work.key)["step"].to_pylist() == list(range(20))
    work.settings = work.settings.model_copy(update={"tracking_uri": server.address})
    for _ in range(2):
        assert catch_up(work.store, work.tracker(), work.key).complete
        assert work.steps("train/loss") == list(range(20))
    assert found(work).status == "FAILED"
    assert unshipped(work.store) == []


def test_a_shipper_with_nothing_to_do_tells_the_rest_of_other_works(served: Any, works: Any, until: Any) -> None:
    late = works("http://127.0.0.1:9")
    late.store = served.store
    late.attempt().metrics(0, {"train/loss": 1.0})
    late.keep_journal()
    shipper = late.shipper()
    shipper.start()
    assert not shipper.close(late.outcome(), 0.1).complete
    damaged = f"r1-{'0' * 64}"
    served.store.put(f"work/{damaged}/attempts/1/spec.json", b"{}")
    served.store.put(f"unshipped/{damaged}", b"{}")
    served.attempt()
    served.shipper().start()
    until(lambda: late.key not in "".join(served.store.list("unshipped/")))
    late.settings = served.settings
    assert found(late).status == "FINISHED"
    assert late.steps("train/loss") == [0]


def test_work_that_still_runs_is_not_caught_up_by_others(served: Any) -> None:
    served.attempt()
    served.store.put(f"unshipped/{served.key}", b"{}")
    assert unshipped(served.store) == []
    served.outcome()
    assert unshipped(served.store) == [served.key]


def test_lost_answers_refusals_and_timeouts_double_and_lose_nothing(works: Any, network: Any) -> None:
    work = works(network.address)
    journal = work.attempt()
    for step in range(3000):
        journal.metrics(step, {"train/loss": step / 7})
    released = threading.Event()

    def lost(forward: Any) -> None:
        forward()

    def late(forward: Any) -> None:
        forward()
        released.wait(30)

    network.plan("/runs/create", lost, lambda _: (503, b""))
    network.plan("/runs/log-batch", lambda forward: forward(), lost, late, lambda _: (401, b""), lambda _: (500, b"x"))
    network.plan("/mlflow-artifacts/", lambda _: (502, b""), lost)
    shipper = work.shipper(timeout=2.0)
    shipper.start()
    standing = shipper.close(work.outcome(), PATIENCE)
    released.set()
    assert standing.complete, standing
    assert standing.refused == ()
    assert work.steps("train/loss") == list(range(3000))
    assert len(work.run_ids()) == 1


def test_a_place_for_files_that_is_away_holds_up_no_metric(works: Any, network: Any, until: Any) -> None:
    work = works(network.address)
    journal = work.attempt()
    network.plan("/mlflow-artifacts/", *[lambda _: (502, b"")] * 1000)
    shipper = work.shipper()
    shipper.start()
    until(lambda: shipper.standing.since is not None)
    for step in range(2500):
        journal.metrics(step, {"train/loss": 1.0})
    until(lambda: shipper.standing.shipped == 2500)
    assert "takes no files" in shipper.standing.line()


def test_a_value_that_mlflow_refuses_takes_no_other_with_it(works: Any, network: Any) -> None:
    work = works(network.address)
    network.refused = b"unwanted"
    journal = work.attempt()
    for step in range(50):
        journal.metrics(step, {"train/loss": 1.0})
    journal.metrics(50, {"unwanted": 1.0})
    journal.metrics(2**70, {"beyond": 1.0})
    journal.metrics(51, {"huge": 10**400, "text": "x"})
    for step in range(50, 100):
        journal.metrics(step, {"train/loss": 1.0})
    shipper = work.shipper()
    shipper.start()
    standing = shipper.close(work.outcome(), PATIENCE)
    assert standing.complete, standing
    assert work.steps("train/loss") == list(range(100))
    assert sorted(told.partition(":")[0] for told in standing.refused) == ["beyond", "huge", "text", "unwanted"]


def test_a_run_that_is_deleted_under_way_comes_back_whole(served: Any, until: Any) -> None:
    journal = served.attempt()
    shipper = served.shipper()
    shipper.start()
    journal.metrics(0, {"train/loss": 1.0})
    until(lambda: shipper.standing.shipped == 1)
    served.tracker().delete(found(served).run_id)
    journal.metrics(1, {"train/loss": 1.0})
    assert shipper.close(served.outcome(), PATIENCE).complete
    assert served.steps("train/loss") == [0, 1]


def test_an_attempt_that_others_took_over_says_nothing_more(served: Any, until: Any) -> None:
    journal = served.attempt()
    shipper = served.shipper()
    shipper.start()
    journal.metrics(0, {"train/loss": 1.0})
    until(lambda: shipper.standing.shipped == 1)
    standing = shipper.close(served.outcome(State.LOST), PATIENCE)
    assert not standing.complete
    assert found(served).status == "RUNNING"


def test_the_last_line_counts_when_it_is_whole(served: Any) -> None:
    journal = served.attempt()
    journal.metrics(0, {"train/loss": 1.0})
    with served.place.journal.open("ab") as file:
        file.write(b'{"kind":"metrics","time":1.0,"step":1,"val')
    shipper = served.shipper()
    shipper.start()
    assert shipper.close(served.outcome(), PATIENCE).complete
    assert served.steps("train/loss") == [0]


def writing(journal: Journal, steps: int) -> threading.Thread:
    """A training that logs from a thread of its own."""

    def write() -> None:
        for step in range(steps):
            journal.metrics(step, {"train/loss": step / 7})
            threading.Event().wait(0.001)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def found(work: Any) -> TrackedRun:
    (run_id,) = work.run_ids()
    run: TrackedRun = work.tracker().look(run_id)
    return run


def files(work: Any, server: Any, run: TrackedRun) -> list[str]:
    roots = [path for root in (server._folder, work.folder) for path in root.rglob(run.run_id) if path.is_dir()]
    (folder,) = [root / "artifacts" for root in roots]
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
