"""From a reference to a snapshot, its validation and its run: what is found, lost, and asked of commands."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fake_work.project import FakeProject, make_project
from slipway.pipelines.steps.commands import Answer
from slipway.pipelines.steps.export import ExportStep
from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.snapshot import SnapshotStep
from slipway.pipelines.steps.step import Ask, How
from slipway.pipelines.steps.train import TrainStep
from slipway.pipelines.steps.validate import ValidateStep
from slipway.pipelines.steps.work import WorkFailed
from slipway.platform.data.project import Project
from slipway.platform.data.record import load_record
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.validation.records import Question, key_of
from slipway.platform.data.validation.suite import general_suite, read_suite
from slipway.platform.data.validation.verdict import Finding, RowRef, Severity, Verdict
from slipway.platform.errors import SlipwayError
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Outcome, Result, State

ASK = Ask(model="bay-occupancy")
NOW = datetime(2026, 11, 20, tzinfo=UTC)
Answering = Callable[..., list[tuple[str, ...]]]


@pytest.fixture
def project(tmp_path: Path) -> FakeProject:
    """A project with a snapshot of one image."""
    return make_project(tmp_path / "project", {"HOME": str(tmp_path)})


@pytest.fixture
def site(project: FakeProject) -> Site:
    """Where steps work."""
    return Site(project.loaded, {})


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Let commands answer so, one after the other; the words of those that were run."""

    def answers(*told: Mapping[str, Any], code: int = 0) -> list[tuple[str, ...]]:
        words: list[tuple[str, ...]] = []
        left = iter(told)

        def slipway(_: Site, *given: str, tell: Callable[[str], None]) -> Answer:
            words.append(given)
            tell("looking")
            return Answer(given[0], next(left), code)

        monkeypatch.setattr(Site, "slipway", slipway)
        return words

    return answers


def silent(_: str) -> None:
    """Nobody listens."""


def test_a_reference_becomes_a_digest_that_is_found(project: FakeProject, site: Site) -> None:
    for reference in (project.snapshot[:12], project.snapshot, str(project.loaded.root.parent / "project-snapshot")):
        asked = Ask(model=ASK.model, snapshot=reference)
        for told in (SnapshotStep().look(site, asked, {}), SnapshotStep().do(site, asked, {}, silent)):
            assert (told.how, dict(told.values)) == (How.FOUND, {"snapshot": project.snapshot})
    assert "1 images" in SnapshotStep().do(site, Ask(model=ASK.model, snapshot=project.snapshot), {}, silent).line


def test_a_shard_that_nobody_has_ends_the_flow_with_the_rows_that_are_lost(project: FakeProject, site: Site) -> None:
    data = Project(project.loaded.root, project.loaded.settings)
    record = load_record(project.store, project.snapshot)
    assert record is not None
    (shard,) = (name for name in record.md5 if name.endswith(".tar"))
    data.cache.object(record.md5[shard]).unlink()
    Path(data.remote.address(record.md5[shard])).unlink()
    (data.cache.snapshot(project.snapshot) / shard).unlink()
    with pytest.raises(SlipwayError) as lost:
        SnapshotStep().do(site, Ask(model=ASK.model, snapshot=project.snapshot), {}, silent)
    assert f"Nobody has {shard}, which holds 1 rows of the index, row 0 the first." in str(lost.value)


def judged(project: FakeProject, site: Site, *, ok: bool) -> None:
    """A stored verdict, as validating would store it."""
    folder = project.loaded.root.parent / "project-snapshot"
    suites = [general_suite(), read_suite(site.model(ASK.model).expectations)]
    key = key_of(Question(snapshot=Snapshot(folder), suites=suites, now=site.desk.now()))
    finding = Finding(
        suite="snapshot", expectation="expect_pictures_to_open", table="index", severity=Severity.BLOCKING, ok=ok,
        checked=1, failed=0 if ok else 1, observed="", expected="",
        rows=(RowRef(table="index", row=7, shard="ab" * 32),),
        sentence="it is no picture: index row 7 (shard abababababab).",
    )  # fmt: skip
    verdict = Verdict(
        snapshot=project.snapshot, suites="s", previous=None, code="c", judged_at="2026-11-20", findings=(finding,)
    )
    site.store.put(key, verdict.to_bytes())


def test_a_stored_verdict_is_found_by_a_look(project: FakeProject, site: Site) -> None:
    given = {"snapshot": project.snapshot}
    assert ValidateStep().look(site, ASK, given).how is How.TO_DO
    judged(project, site, ok=True)
    assert ValidateStep().look(site, ASK, given).how is How.FOUND
    assert ValidateStep().do(site, ASK, given, silent).how is How.FOUND


def test_data_that_is_not_fit_ends_the_flow_with_shard_and_row(
    project: FakeProject, site: Site, answering: Answering
) -> None:
    given = {"snapshot": project.snapshot}
    told = {"passed": False, "key": "v", "snapshot": project.snapshot, "findings": [
        {"ok": False, "severity": "blocking", "sentence": "it is no picture: index row 7 (shard abababababab)."}
    ]}  # fmt: skip
    words = answering(told, code=1)
    first = ValidateStep().do(site, ASK, given, silent)
    judged(project, site, ok=False)
    for one in (first, ValidateStep().look(site, ASK, given), ValidateStep().do(site, ASK, given, silent)):
        assert one.how is How.REFUSED
        assert "index row 7 (shard abababababab)" in one.line
        assert "Nothing was trained" in one.mend
    assert [one[:3] for one in words] == [("data", "validate", project.snapshot)]
    assert words[0][3:] == ("--suite", str(site.model(ASK.model).expectations), "--json")
    command = f"slipway data validate {project.snapshot[:12]} --suite {words[0][4]}"
    assert first.links == {"all findings": command}


def run_of(project: FakeProject, *, done: bool) -> str:
    work = project.work("quiet-heron-412")
    spec = work.assign().attempt
    state = State.DONE if done else State.FAILED
    outcome = Outcome(state=state, reason="It broke.", ended=spec.created, seconds=1)
    outcome.bind(project.store, work.keys().outcome)
    if done:
        result = Result(key=work.key, attempt=1, finished=NOW, files={}, metrics={}, steps=1, seconds=1)
        result.bind(project.store, WorkKeys(work.key).result)
    return work.key


def submitted(key: str, how: str, state: str) -> dict[str, Any]:
    return {"key": key, "name": "quiet-heron-412", "how": how, "state": state, "outcome": None, "reason": ""}


def test_work_that_is_launched_is_seen_through_or_left_alone(
    project: FakeProject, site: Site, answering: Answering
) -> None:
    key, given = run_of(project, done=True), {"snapshot": project.snapshot}
    words = answering(*[submitted(key, "started", "pending")] * 2)
    asked = Ask(model=ASK.model, wait=False, overrides=("batch=8",), budget="12.50")
    left = TrainStep().do(site, asked, given, silent)
    assert (left.how, left.work, dict(left.values)["run"]) == (How.UNDER_WAY, key, key)
    assert words[0][:3] == ("submit", ASK.model, "batch=8")
    assert "--budget 12.50" in " ".join(words[0])
    assert "--yes" in words[0]
    told = TrainStep().do(site, ASK, given, silent)
    assert (told.how, dict(told.values)) == (How.DONE, {"run": key, "run_name": "quiet-heron-412"})
    assert "--budget" not in words[1]
    assert told.cost is not None


def test_work_that_ended_badly_is_told_with_why(project: FakeProject, site: Site, answering: Answering) -> None:
    key, given = run_of(project, done=False), {"snapshot": project.snapshot}
    answering(submitted(key, "started", "pending"))
    with pytest.raises(WorkFailed, match=r"quiet-heron-412 is failed: It broke\.") as failed:
        TrainStep().do(site, ASK, given, silent)
    assert "slipway logs quiet-heron-412" in (failed.value.mend or "")
    answering({**submitted(key, "found", "failed"), "reason": "It broke."}, code=1)
    with pytest.raises(WorkFailed, match="It broke"):
        TrainStep().do(site, ASK, given, silent)


def test_a_memo_is_believed_for_a_result_that_is_there_and_for_no_other(
    project: FakeProject, site: Site, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, given = run_of(project, done=True), {"snapshot": project.snapshot}
    remembered = {"run": done, "run_name": "quiet-heron-412"}
    monkeypatch.setattr(site.memo(ASK.model), "recall", lambda *_: remembered)
    words = answering(submitted("r1-9", "found", "done"))
    assert TrainStep().do(site, ASK, given, silent).how is How.FOUND
    assert words == []
    site.store.delete(WorkKeys(done).result)
    with pytest.raises(SlipwayError):
        TrainStep().do(site, ASK, given, silent)
    assert words[0][0] == "submit"


def test_a_look_says_what_a_training_would_cost(project: FakeProject, site: Site, answering: Answering) -> None:
    price = {"runs": 3, "seconds": [60, 90], "cost": ["0.40", "0.52"], "currency": "USD", "per_hour": "0.71"}
    told = {"key": "r1-9", "standing": "Nobody has begun it.", "on": "gpu-l4, 1 node, 1 process", "price": price}
    answering(told, {**told, "price": {**price, "seconds": None, "cost": None, "per_hour": "0"}})
    look = TrainStep().look(site, ASK, {"snapshot": project.snapshot})
    assert (look.how, str(look.cost), look.currency) == (How.TO_DO, "0.52", "USD")
    assert "USD 0.40 to USD 0.52, 1 min 00 s to 1 min 30 s" in look.line
    free = TrainStep().look(site, ASK, {"snapshot": project.snapshot})
    assert (free.cost, "free; no run of this model has ended yet" in free.line) == (None, True)


def test_an_export_that_is_under_way_is_told_with_its_key(site: Site, answering: Answering) -> None:
    answering(submitted("r1-9", "started", "running"))
    asked = Ask(model=ASK.model, wait=False)
    told = ExportStep().do(site, asked, {"run": "r1-0"}, silent)
    assert (told.how, told.work, dict(told.values)) == (How.UNDER_WAY, "r1-9", {})
    assert ExportStep().look(site, asked, {"run": "r1-0"}).how is How.TO_DO
