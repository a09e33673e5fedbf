"""Cancelling: only one's own wish where others want the result too, else the end of the run."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from overseen.office import Office, eventually, opened_office
from slipway.platform.errors import WrongUse
from slipway.platform.jobs.cancelling import cancel
from slipway.platform.jobs.launchers.contract import LauncherUnreachable
from slipway.platform.jobs.submitting.submission import rerun
from slipway.platform.jobs.wishes import wishes
from slipway.platform.runs.records import Cause, State

pytestmark = [pytest.mark.xdist_group("overseen"), pytest.mark.timeout(180)]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with opened_office(tmp_path, None) as office:
        yield office


def unreachable(target: str) -> object:
    raise LauncherUnreachable(f"`{target}` does not answer.")


def test_who_did_not_make_the_attempt_is_only_detached(office: Office) -> None:
    work = office.project.work("shared", hold=[1])
    office.submit(work, "ada")
    assert office.submit(work, "bob").how == "attached"
    assert [one.person for one in wishes(office.project.store, work.key)] == ["ada", "bob"]
    before = cancel(work.key, "bob", office.project.loaded, store=office.project.store, dry_run=True)
    assert (before.how, before.others) == ("detached", ("ada",))
    assert cancel(work.key, "bob", office.project.loaded, store=office.project.store).how == "detached"
    assert [one.person for one in wishes(office.project.store, work.key)] == ["ada"]
    assert office.standing(work).under_way
    assert cancel(work.key, "eve", office.project.loaded, store=office.project.store).how == "nothing to cancel"
    assert cancel(work.key, "ada", office.project.loaded, store=office.project.store).how == "cancelled"
    ended = office.see_through(work)
    assert ended.state is State.CANCELLED
    assert cancel(work.key, "ada", office.project.loaded, store=office.project.store).how == "nothing to cancel"
    assert not wishes(office.project.store, work.key)


def test_who_made_the_attempt_ends_it_for_all_and_hears_who_else_wanted_it(office: Office) -> None:
    work, store, loaded = office.project.work("owned", hold=[1]), office.project.store, office.project.loaded
    office.submit(work, "ada")
    office.submit(work, "grace")
    assert "grace" in cancel(work.key, "ada", loaded, store=store, dry_run=True).words
    done = cancel(work.key, "ada", loaded, store=store)
    assert (done.how, done.others) == ("cancelled", ("grace",))
    assert "grace wanted it too" in done.words
    assert office.see_through(work).state is State.CANCELLED
    assert [one.person for one in wishes(store, work.key)] == ["grace"]
    assert office.submit(work, "ada").how == "started"
    assert [one.person for one in wishes(store, work.key)] == ["ada", "grace"]
    assert cancel(work.key, "ada", loaded, store=store, for_all=True).others == ("grace",)
    office.see_through(work)


def test_a_program_only_detaches_also_who_made_the_attempt_and_the_last_one_ends_it(office: Office) -> None:
    work, store, loaded = office.project.work("scheduled", hold=[1]), office.project.store, office.project.loaded
    office.submit(work, "flow")
    office.submit(work, "grace")
    done = cancel(work.key, "flow", loaded, store=store, only_detach=True)
    assert (done.how, done.others) == ("detached", ("grace",))
    assert office.standing(work).under_way
    assert cancel(work.key, "grace", loaded, store=store, only_detach=True).how == "cancelled"
    assert office.see_through(work).state is State.CANCELLED


def test_for_all_it_ends_with_a_checkpoint_and_a_rerun_goes_on_from_it(office: Office) -> None:
    work = office.project.work("ended", hold=[1])
    office.submit(work, "ada")
    office.submit(work, "bob")
    eventually(work.has_checkpoint)
    with pytest.raises(WrongUse, match="is running"):
        rerun(work.key, "bob", office.project.loaded, store=office.project.store)
    done = cancel(work.key, "bob", office.project.loaded, store=office.project.store, for_all=True, why="wrong data")
    assert (done.how, done.others) == ("cancelled", ("ada",))
    ended = office.see_through(work)
    assert ended.outcome is not None
    assert ended.spec is not None
    assert (ended.state, ended.outcome.cause) == (State.CANCELLED, Cause.CANCELLED)
    assert "Cancelled by bob: wrong data" in ended.outcome.reason
    assert office.runs() == [(ended.spec.name, "KILLED")]
    again = rerun(work.key, "bob", office.project.loaded, store=office.project.store)
    assert again.how == "started"
    after = office.see_through(work)
    assert (after.state, after.number) == (State.DONE, 2)
    assert after.spec is not None
    assert after.spec.submitted_by == "bob"
    assert "begins at step" in work.log(2)
    assert office.runs() == [(ended.spec.name, "FINISHED")]
    assert rerun(work.key, "bob", office.project.loaded, store=office.project.store).how == "found"


def test_a_job_ends_also_when_its_launcher_cannot_be_reached(office: Office) -> None:
    work = office.project.work("unreachable", hold=[1])
    office.submit(work, "ada")
    eventually(work.has_checkpoint)
    done = cancel(
        work.key,
        "ada",
        office.project.loaded,
        store=office.project.store,
        launchers=unreachable,  # type: ignore[arg-type]
    )
    assert done.how == "cancelled"
    assert office.see_through(work).state is State.CANCELLED


def test_what_was_cancelled_before_it_began_is_over_at_once(office: Office) -> None:
    work = office.project.work("pending")
    office.submit(work, "ada", launchers=unreachable)
    assert office.standing(work).state is State.PENDING
    done = cancel(work.key, "ada", office.project.loaded, store=office.project.store, why="no")
    assert done.standing.state is State.CANCELLED
    assert office.overseer().look(work.key).waited == timedelta(0)
    assert not office.processes()
