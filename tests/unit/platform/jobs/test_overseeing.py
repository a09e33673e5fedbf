"""Seeing work through: what is told, what is waited for, and what is recorded of an attempt that could say nothing."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from overseen.office import Heard, Office, eventually, opened_office
from slipway.platform.jobs.launchers.contract import Launcher, LauncherUnreachable
from slipway.platform.runs.records import Cause, State

pytestmark = [pytest.mark.xdist_group("overseen"), pytest.mark.timeout(180)]

PRICE = """
[contexts.local.targets.dear]
price_per_hour = "3600"
currency = "EUR"
"""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with opened_office(tmp_path, None, more=PRICE) as office:
        yield office


class Flaky:
    """A launcher that cannot be reached a number of times."""

    def __init__(self, launcher: Launcher, times: int) -> None:
        self._launcher, self.left = launcher, times

    def __getattr__(self, name: str) -> Any:
        self.left -= 1
        if self.left >= 0:
            raise LauncherUnreachable("The launcher does not answer.")
        return getattr(self._launcher, name)


def test_a_launcher_that_does_not_answer_is_told_once_and_asked_again(office: Office) -> None:
    work, heard = office.project.work("flaky"), Heard()
    office.submit(work, launchers=lambda _: Flaky(office.launcher, 1))
    flaky = Flaky(office.launcher, 5)
    overseer = office.overseer(heard, open_launcher=lambda _: flaky)
    assert overseer.see_through(work.key).state is State.DONE
    assert heard.notes.count("The launcher does not answer. Asking again.") == 1
    assert "not reached, asking again" in heard.remarks


def test_ctrl_c_leaves_the_job_running_and_says_so(office: Office) -> None:
    work, heard = office.project.work("left", hold=[1]), Heard()
    office.submit(work)
    eventually(work.has_checkpoint)

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        office.overseer(heard, sleep=interrupted).see_through(work.key)
    assert "goes on without you" in heard.notes[-1]
    assert office.runner(work).is_running()


def test_a_killed_attempt_is_charged_until_its_last_sign_of_life(office: Office) -> None:
    work = office.project.work("dear", hold=[1])
    office.submit(work, target="dear", budget=Decimal(1000), launchers=lambda _: office.launcher)
    eventually(lambda: (beat := office.standing(work).heartbeat) is not None and beat.sequence > 1)
    office.runner(work).kill()
    assert office.see_through(work).number == 2
    killed = work.outcome(1)
    assert killed is not None
    assert (killed.cause, killed.currency) == (Cause.LOST, "EUR")
    assert killed.seconds > 0
    assert killed.cost == Decimal(str(round(killed.seconds, 3)))


def test_a_job_that_ended_before_it_began_is_told_to_mlflow_with_its_reason(tmp_path: Path) -> None:
    with opened_office(tmp_path, None, "retries = 0") as office:
        work = office.project.work("never")
        office.submit(work, launchers=unreachable)
        office.project.store.delete(f"code/{work.job.code}.tar")
        ended = office.see_through(work)
        assert ended.spec is not None
        assert ended.outcome is not None
        assert ended.state is State.FAILED
        assert work.job.code[:12] in ended.outcome.reason
        assert office.runs() == [(ended.spec.name, "FAILED")]


def unreachable(target: str) -> Launcher:
    raise LauncherUnreachable(f"`{target}` does not answer.")
