"""An alias that somebody moved by hand goes back, or is accepted; the ledger tells of it once, whatever happens."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.ledger.entry import Action
from slipway.platform.registry.decisions import About, registered
from slipway.platform.registry.records import version_key

pytestmark = [pytest.mark.xdist_group("mlflow"), pytest.mark.timeout(180)]

HERE = Path(__file__).parent
Look = Callable[[], list[str]]


def test_a_champion_set_by_hand_without_approvals_is_put_back(project: Any, look: Look) -> None:
    first = project.champion("a")
    second = project.register("b")
    project.settle()
    project.set_by_hand(second)
    (told,) = look()
    assert f"was set to version {second} by hand and goes back to version {first}" in told
    assert "0 of 1 approvals" in told
    assert project.aliases() == {"champion": first, "challenger": second}
    (entry,) = project.entries(Action.RESTORE)
    decision = entry.entry.decision
    assert (entry.signer, decision.actor, decision.reason) == ("guard", "unknown (MLflow UI)", told)
    assert decision.details == {"alias": "champion", "found": second, "restored": first}
    assert decision.subjects == {"bundle": project.bundle("b"), "version": second}
    assert told in project.tag(second)
    assert project.tag(first) == ""
    assert look() == []


def test_a_champion_that_has_all_it_needs_is_accepted(project: Any, look: Look) -> None:
    project.champion("a")
    second = project.register("b")
    project.approve("b")
    project.settle()
    project.set_by_hand(second)
    assert "is accepted" in look()[0]
    assert project.standing().champion == project.bundle("b")
    assert project.standing().void == ()
    (entry,) = project.entries(Action.ACCEPT)
    assert (entry.signer, entry.entry.decision.actor) == ("guard", "unknown (MLflow UI)")
    assert entry.entry.decision.subjects == {
        "bundle": project.bundle("b"),
        "version": second,
        "verdict": project.verdicts["b"],
        "replaces": project.bundle("a"),
    }
    assert project.aliases() == {"champion": second}
    assert "is accepted" in project.tag(second)
    assert look() == []


def test_a_deleted_alias_comes_back(project: Any, look: Look) -> None:
    first = project.champion("a")
    project.delete_by_hand()
    (told,) = look()
    assert f"was deleted by hand and goes back to version {first}" in told
    assert project.aliases() == {"champion": first}
    assert told in project.tag(first)
    assert len(project.entries(Action.RESTORE)) == 1


def test_a_verdict_against_an_old_champion_is_not_enough(project: Any, look: Look) -> None:
    project.champion("a")
    project.register("b"), project.register("c")
    project.approve("b"), project.approve("c")
    project.promote("b")
    project.set_by_hand("3")
    (told,) = look()
    assert "was judged against" in told
    assert project.aliases() == {"champion": "2", "challenger": "3"}


def test_a_failed_verdict_is_not_enough(project: Any, look: Look) -> None:
    project.champion("a")
    project.register("b")
    project.judge("b", passed=False)
    project.approve("b")
    project.settle()
    project.set_by_hand("2")
    assert "did not pass" in look()[0]
    assert project.aliases()["champion"] == "1"


def test_a_quarantined_version_is_never_accepted(project: Any, look: Look) -> None:
    project.champion("a"), project.champion("b")
    project.decide(Action.ROLLBACK, "a", "cleo", replaces=project.bundle("b"))
    project.judge("b")
    project.approve("b")
    project.settle()
    project.set_by_hand("2")
    (told,) = look()
    assert "Version 2 is quarantined." in told
    assert project.aliases()["champion"] == "1"
    assert project.entries(Action.ACCEPT) == []


def test_a_version_that_nobody_registered_here_is_put_back(project: Any, look: Look) -> None:
    project.champion("a")
    stranger = project.desk.registry.create_version(
        project.model, source="slipway:/x", run_id="", description="", tags={"bundle": project.bundle("a")}
    )
    project.set_by_hand(stranger.number)
    (told,) = look()
    assert "was not registered by slipway" in told
    assert project.aliases() == {"champion": "1"}
    assert told in project.tag(stranger.number)


def test_without_a_champion_an_alias_goes_away(project: Any, look: Look) -> None:
    project.register("a")
    project.settle()
    project.set_by_hand("1")
    assert "goes back to no version" in look()[0]
    assert project.aliases() == {"challenger": "1"}


def test_a_challenger_set_by_hand_is_put_back_and_other_aliases_are_left_alone(project: Any, look: Look) -> None:
    project.champion("a")
    project.set_by_hand("1", "challenger")
    project.set_by_hand("1", "blue")
    (told,) = look()
    assert "`challenger` was set to version 1 by hand and goes back to no version" in told
    assert project.aliases() == {"champion": "1", "blue": "1"}


def test_the_same_fight_again_is_told_again(project: Any, look: Look) -> None:
    project.champion("a"), project.register("b")
    project.settle()
    for fights in (1, 2, 3):
        project.set_by_hand("2")
        look()
        assert project.aliases()["champion"] == "1"
        assert len(project.entries(Action.RESTORE)) == fights


def test_an_alias_that_has_not_followed_the_ledger_yet_is_nobodys_hand(project: Any, look: Look) -> None:
    project.champion("a")
    look()
    project.register("b")
    project.approve("b")
    project.promote("b", alias=False)  # killed before MLflow heard of it
    assert look() == ["`champion` follows the ledger to version 2."]
    assert project.aliases() == {"champion": "2"}
    assert project.entries(Action.RESTORE) == []


def test_going_back_to_the_last_champion_by_hand_is_told(project: Any, look: Look) -> None:
    project.champion("a"), project.champion("b")
    project.set_by_hand("1")
    assert "was set to version 1 by hand and goes back to version 2" in look()[0]
    assert project.aliases() == {"champion": "2"}


def test_a_version_that_is_gone_is_told_and_its_alias_stands_for_nothing_else(project: Any, look: Look) -> None:
    project.champion("a"), project.register("b")
    project.settle()
    project.desk.registry.delete_version(project.model, "1")
    project.set_by_hand("2")
    guard = project.guard()
    looked = guard.once(project.model)
    guard.registry.close()
    assert "MLflow has it no more" in looked.lost[0]
    assert project.aliases() == {"challenger": "2"}
    assert look() == []


def test_a_version_whose_record_is_gone_is_not_accepted(project: Any, look: Look) -> None:
    project.champion("a"), project.register("b")
    project.approve("b")
    project.settle()
    project.desk.store.delete(version_key(project.bundle("b")))
    project.set_by_hand("2")
    assert "is no version" in look()[0]
    assert project.aliases()["champion"] == "1"


def test_what_is_wrong_with_one_model_stops_the_look_at_no_other(project: Any) -> None:
    project.champion("a"), project.register("b")
    project.settle()
    about = About("a-broken-one", "e" * 64, "1")
    decision = registered(about, actor="ada", nonce="n", needed=1, barred=())
    project.desk.ledger.append(decision, project.signer("ada"))
    project.desk.store.put("guard/a-broken-one/000000000001.json", b"no record")
    project.set_by_hand("2")
    guard = project.guard()
    broken, looked = guard.all()
    guard.registry.close()
    assert "a-broken-one cannot be guarded" in broken.trouble
    assert [deed.kind for deed in looked.deeds] == ["restore"]


def test_models_that_the_ledger_does_not_know_are_left_alone(project: Any) -> None:
    registry = project.desk.registry
    registry.ensure_model("somebody-elses", description="", tags={})
    registry.create_version("somebody-elses", source="s3://x/y", run_id="", description="", tags={})
    registry.set_alias("somebody-elses", "champion", "1")
    project.champion("a")
    guard = project.guard()
    assert [looked.model for looked in guard.all()] == [project.model]
    assert guard.once("somebody-elses").deeds == ()
    guard.registry.close()
    assert registry.aliases("somebody-elses") == {"champion": "1"}


def test_a_dry_run_changes_nothing(project: Any) -> None:
    project.champion("a"), project.register("b")
    project.settle()
    project.set_by_hand("2")
    before = len(project.entries())
    guard = project.guard()
    (looked,) = guard.all(dry_run=True)
    guard.registry.close()
    assert [deed.kind for deed in looked.deeds] == ["restore"]
    assert len(project.entries()) == before
    assert project.aliases()["champion"] == "2"


@pytest.mark.parametrize(("approved", "step"), [(False, 1), (False, 2), (False, 3), (False, 4), (True, 2), (True, 3)])
def test_a_guard_that_is_killed_at_any_step_leaves_one_entry(
    project: Any, look: Look, approved: bool, step: int
) -> None:
    project.champion("a"), project.register("b")
    if approved:
        project.approve("b")
    project.settle()
    project.set_by_hand("2")
    (ended,) = _guards(project, step)
    assert ended == -9
    look()
    look()
    assert project.aliases()["champion"] == ("2" if approved else "1")
    assert len(project.entries(Action.ACCEPT if approved else Action.RESTORE)) == 1
    assert "by hand" in project.tag("2")


def test_guards_at_the_same_moment_tell_of_it_once(project: Any) -> None:
    project.champion("a"), project.register("b")
    project.settle()
    project.set_by_hand("2")
    assert _guards(project, 0, 0, 0) == [0, 0, 0]
    assert project.aliases()["champion"] == "1"
    assert len(project.entries(Action.RESTORE)) == 1


def _guards(project: Any, *steps: int) -> list[int]:
    """Start processes that look, and die at these steps, all at once; how each ended."""
    program = [sys.executable, str(HERE / "guard_until_killed.py"), project.model]
    with (project.folder / "guards.log").open("ab") as log:
        started = [
            subprocess.Popen([*program, str(step)], cwd=project.folder, env=project.environ, stdout=log, stderr=log)
            for step in steps
        ]
        return [one.wait() for one in started]


def test_a_database_file_is_guarded_alike(filed: Any) -> None:
    filed.champion("a"), filed.register("b")
    filed.settle()
    filed.set_by_hand("2")
    guard = filed.guard()
    assert [deed.kind for deed in guard.once(filed.model).deeds] == ["restore"]
    assert filed.aliases() == {"champion": "1", "challenger": "2"}
