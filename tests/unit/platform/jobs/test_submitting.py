"""Submitting: refused before anything is written, or started once and found again by whoever asks for the same."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from overseen.office import Heard, Office, eventually, opened_office
from slipway.platform.errors import WrongUse
from slipway.platform.jobs.cancelling import cancel
from slipway.platform.jobs.launchers.contract import Launcher, LauncherRefused, LauncherUnreachable
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.submitting.submission import rerun
from slipway.platform.runs.records import Cause, State

pytestmark = [pytest.mark.xdist_group("overseen"), pytest.mark.timeout(180)]

TARGETS = """
[contexts.local.targets.dear]
price_per_hour = "3600"
currency = "EUR"
memory_gib = 4.0
deadline_hours = 0.5
max_nodes = 2
"""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with opened_office(tmp_path, None, more=TARGETS) as office:
        yield office


def unreachable(target: str) -> Launcher:
    raise LauncherUnreachable(f"`{target}` does not answer.")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown target": ({"target": "locla"}, "no target `locla`"),
    "too many nodes": ({"target": "dear", "nodes": 3}, "2 at most"),
    "processes that cannot be shared": ({"nodes": 2}, "shared equally among 2 nodes"),
    "a budget of nothing": ({"target": "dear", "budget": Decimal(0)}, "more than nothing"),
    "a budget where nothing costs": ({"budget": Decimal(5)}, "has no price"),
    "an unknown secret": ({"secrets": ("TOKEN",)}, "TOKEN"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_request_that_cannot_work_is_refused_and_leaves_nothing(office: Office, what: str) -> None:
    given, words = REFUSED[what]
    before = sorted(office.project.store.list())
    with pytest.raises(WrongUse, match=words):
        office.submit(office.project.work("refused"), **given)
    assert sorted(office.project.store.list()) == before


def test_the_job_says_what_the_target_and_the_settings_say(office: Office) -> None:
    work = office.project.work("told")
    office.submit(work, target="dear", budget=Decimal("1.5"), launchers=unreachable)
    spec = office.standing(work).spec
    assert spec is not None
    job = JobSpec.load(office.project.store, spec.job)
    assert (job.target, job.price.per_hour, job.price.currency) == ("dear", Decimal(3600), "EUR")
    assert (job.limits.budget, job.limits.deadline_seconds) == (Decimal("1.5"), 1800.0)
    assert (job.limits.memory_bytes, job.limits.grace_seconds) == (4 * 1024**3, 2.0)


def test_the_same_work_is_started_then_attached_to_and_then_found(office: Office) -> None:
    work, heard = office.project.work("same", hold=[1]), Heard()
    first = office.submit(work, "ada", watcher=heard)
    assert first.how == "started"
    assert any(note.startswith("code: 1 file,") for note in heard.notes)
    eventually(work.has_checkpoint)
    second = office.submit(work, "bob", watcher=heard)
    assert (second.how, second.name) == ("attached", first.name)
    assert "running by ada on" in heard.notes[-1]
    office.runner(work).kill()
    assert office.see_through(work).state is State.DONE
    third = office.submit(work, "eve")
    assert (third.how, third.name, third.standing.result is not None) == ("found", first.name, True)
    assert office.attempts(work) == 2
    assert office.submit(work, "eve", again=True).how == "started"
    assert office.see_through(work).number == 3


def test_a_used_up_budget_is_refused_with_the_command_that_would_do(office: Office) -> None:
    work = office.project.work("spent", hold=[1])
    office.submit(work, target="dear", budget=Decimal("0.5"))
    ended = office.see_through(work)
    assert ended.outcome is not None
    assert ended.outcome.cause is Cause.BUDGET
    before = sorted(office.project.store.list())
    given: dict[str, Any] = {"store": office.project.store}
    with pytest.raises(WrongUse, match="stopped at once") as refused:
        rerun(work.key, "ada", office.project.loaded, **given)
    assert re.search(r"slipway rerun \S+ --budget \d+\.\d\d$", refused.value.mend or "")
    with pytest.raises(WrongUse, match="stopped at once"):
        office.submit(work, target="dear", budget=Decimal("0.5"))
    assert sorted(office.project.store.list()) == before
    assert rerun(work.key, "ada", office.project.loaded, budget=Decimal(500), **given).how == "started"
    cancel(work.key, "ada", office.project.loaded, store=office.project.store)
    office.see_through(work)


def test_an_attempt_that_no_launcher_knows_is_launched_by_whoever_asks_next(office: Office) -> None:
    work, heard = office.project.work("late"), Heard()
    first = office.submit(work, watcher=heard, launchers=unreachable)
    assert (first.how, first.standing.state) == ("started", State.PENDING)
    assert "`slipway jobs reconcile`" in first.words
    assert office.submit(work, "bob").how == "attached"
    assert office.see_through(work).state is State.DONE
    assert office.attempts(work) == 1


def test_a_refused_job_is_a_failed_attempt_that_blocks_nobody(office: Office) -> None:
    class Refusing:
        address = "nowhere"

        def submit(self, _: object) -> None:
            raise LauncherRefused("Creating Jobs is forbidden.", mend="Add `create` on `jobs` to the Role.")

    work = office.project.work("refused")
    with pytest.raises(LauncherRefused):
        office.submit(work, launchers=lambda _: Refusing())
    failed = work.outcome()
    assert failed is not None
    assert (failed.state, failed.reason) == (State.FAILED, "Creating Jobs is forbidden.")
    assert office.submit(work).how == "started"
    assert office.see_through(work).number == 2


def test_lost_work_is_begun_beside_nothing_and_its_end_is_recorded(tmp_path: Path) -> None:
    with opened_office(tmp_path, None, "retries = 0") as office:
        work = office.project.work("lost", hold=[1])
        office.submit(work)
        eventually(work.has_checkpoint)
        office.runner(work).kill()
        eventually(lambda: office.standing(work).state is State.LOST)
        assert office.submit(work).how == "started"
        lost = work.outcome(1)
        assert lost is not None
        assert lost.state is State.LOST
        assert office.see_through(work).state is State.DONE


def test_what_is_being_cancelled_is_gone_on_with_behind_its_end_by_who_waits(office: Office) -> None:
    work, heard = office.project.work("changed-mind", hold=[1], deaf=True), Heard()
    office.submit(work, "ada")
    eventually(work.has_checkpoint)
    cancel(work.key, "ada", office.project.loaded, store=office.project.store)
    told = office.submit(work, "bob")
    assert told.how == "attached"
    assert "It is being stopped. Submit it again in a moment, or with --wait." in told.words
    started = office.submit(work, "bob", patient=True, watcher=heard)
    assert (started.how, started.standing.number) == ("started", 2)
    assert any("It is being stopped." in note for note in heard.notes)
    assert office.see_through(work).state is State.DONE
    first = work.outcome(1)
    assert first is not None
    assert first.state is State.CANCELLED
    assert "begins at step 2" in work.log(2)
