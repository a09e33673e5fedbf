"""Undoing: one entry, from which devices, champion and quarantine follow."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from rolling_out import MODEL, Site
from slipway.platform.errors import WrongUse
from slipway.platform.ledger.entry import Action
from slipway.platform.registry import promoting
from slipway.platform.registry.desk import Refused
from slipway.platform.registry.mlflow import open_registry
from slipway.platform.settings import schema
from slipway.serving.release import undoing
from slipway.serving.release.converging import converge
from slipway.serving.release.moving import finishing
from slipway.serving.release.opening import open_repository


def test_what_is_on_its_way_is_undone_by_one_entry(led_site: Site) -> None:
    led_site.start()
    before = len(led_site.entries())
    done = led_site.undo("cleo")  # on call
    assert (led_site.told(), led_site.champion) == ((1, None), "a")
    assert len(led_site.entries()) == before + 1
    decision = done.written.entry.decision
    assert decision.action is Action.ROLLBACK
    assert dict(decision.subjects) == {
        "bundle": led_site.bundles["a"], "version": "1", "replaces": led_site.bundles["b"], "release": "2", "base": "1",
        "verdict": decision.subjects["verdict"],
    }  # fmt: skip
    assert led_site.own.standing(MODEL).versions[led_site.bundles["b"]].state == "quarantined"


def test_an_undo_made_again_goes_no_further_back(led_site: Site) -> None:
    led_site.start()
    first = led_site.undo()
    again = led_site.undo("dora", reason="the same, once more")
    assert (again.before, again.written) == (True, first.written)
    assert led_site.undo(release=2).before
    with pytest.raises(Refused, match="nothing to go back to"):
        led_site.undo(release=1)
    assert led_site.told() == (1, None)


def test_what_is_everybodys_is_undone_down_to_the_floor(led_site: Site) -> None:
    led_site.start()
    led_site.move(finishing())
    led_site.undo()
    assert (led_site.told(), led_site.champion) == ((1, None), "a")
    led_site.promote("c")
    led_site.start()
    led_site.move(finishing())
    assert led_site.told() == (3, None)
    led_site.promote("d")
    led_site.start()
    led_site.undo()
    assert led_site.told() == (3, None)
    with pytest.raises(Refused, match="Devices may have seen the floor 3"):
        led_site.undo(release=3)
    assert led_site.entries()[-1].entry.decision.subjects["asked"] == "rollback"


def test_the_first_release_cannot_be_undone_and_can_be_paused(site: Site) -> None:
    site.start()
    with pytest.raises(Refused, match="before release 1: there is nothing to go back to") as refused:
        site.undo()
    assert f"slipway rollout pause {MODEL}" in str(refused.value.mend)
    assert site.told() == (None, 1)
    assert site.champion == "a"


def test_with_another_champion_meanwhile_the_release_is_what_is_undone(led_site: Site) -> None:
    led_site.start()
    led_site.promote("c")
    led_site.undo()
    standing = led_site.own.standing(MODEL)
    states = {letter: standing.versions[led_site.bundles[letter]].state for letter in "abc"}
    assert (led_site.told(), led_site.champion) == ((1, None), "a")
    assert states == {"a": "passed", "b": "quarantined", "c": "passed"}


def test_a_champion_that_was_never_released_goes_back_alone(led_site: Site) -> None:
    assert led_site.champion == "b"
    assert "guard --once" in led_site.undo().alias  # nobody keeps aliases here
    assert (led_site.told(), led_site.champion) == ((1, None), "a")
    assert led_site.undo().before


@pytest.mark.parametrize("by", ["ben", "gates"])
def test_it_takes_a_releaser_or_somebody_on_call_or_the_rollout_service(led_site: Site, by: str) -> None:
    led_site.start()
    with pytest.raises(Refused, match="To rollback takes someone who is"):
        led_site.undo(by)
    assert led_site.entries()[-1].entry.decision.action is Action.REFUSE
    assert led_site.told() == (1, 2)


def test_it_takes_a_reason_and_a_release_that_devices_should_run(led_site: Site) -> None:
    led_site.start()
    with pytest.raises(WrongUse, match="takes a reason"):
        led_site.undo(reason=" ")
    with pytest.raises(Refused, match="has no release 7"):
        led_site.undo(release=7)
    led_site.move(finishing())
    with pytest.raises(Refused, match=r"Release 1 .* is not what devices should run"):
        led_site.undo(release=1)


def test_a_request_is_one_undo(led_site: Site) -> None:
    led_site.start()
    first = led_site.undo(request="u-1")
    led_site.promote("c")
    led_site.start()
    again = led_site.undo(request="u-1")
    assert (again.before, again.written) == (True, first.written)
    assert led_site.told() == (1, 3)


def test_of_two_who_undo_at_once_both_find_it_undone(led_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    led_site.start()
    own = promoting.take_back

    def after_the_other(*args: object, **named: object) -> object:
        monkeypatch.setattr(undoing, "take_back", own)
        led_site.undo("dora")
        return own(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(undoing, "take_back", after_the_other)
    done = led_site.undo("cleo")
    assert done.written.signer == "dora"
    assert (led_site.told(), led_site.champion) == ((1, None), "a")


def test_without_the_online_keys_the_entry_waits_for_who_has_them(led_site: Site) -> None:
    led_site.start()
    done = led_site.undo("cleo", "cleo")
    assert done.converged is not None
    assert "rollouts" in done.converged.waits
    assert led_site.told() == (1, 2)
    service = led_site.desk("rollouts", "rollouts")
    converge(service, open_repository(service))
    assert led_site.told() == (1, None)


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with MLflow's tables and the model."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    registry = open_registry(schema.MLflow(tracking_uri=f"sqlite:///{path}"), path.parent)
    registry.ensure_model(MODEL, description="", tags={})
    return path


@pytest.fixture
def with_mlflow(led: Path, tmp_path: Path, empty_mlflow: Path) -> Site:
    """The same project, whose versions MLflow has as well."""
    shutil.copytree(led, tmp_path / "site")
    shutil.copyfile(empty_mlflow, tmp_path / "site" / ".slipway" / "mlflow.db")
    uri = {"SLIPWAY_MLFLOW__TRACKING_URI": "sqlite:///.slipway/mlflow.db"}
    site = Site(tmp_path / "site", environ=uri).found_again()
    registry = site.own.registry
    for letter in sorted(site.bundles):
        tags = {"bundle": site.bundles[letter]}
        made = registry.create_version(MODEL, source="slipway:/x", run_id="", description="", tags=tags)
        assert made.number == site.numbers[letter]
    registry.set_alias(MODEL, "champion", site.numbers["b"])
    return site


def killed_before(step: str, site: Site) -> None:
    """A process that undoes, and dies before that step."""
    process = os.fork()
    if process == 0:
        try:
            setattr(undoing, step, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
            site.undo()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL


def test_killed_before_channel_or_alias_the_next_undo_finishes_it(with_mlflow: Site) -> None:
    site = with_mlflow
    site.start()
    aliases = site.own.registry.aliases
    for step, told, alias in (("converge", (1, 2), "2"), ("show_version", (1, None), "2")):
        killed_before(step, site)
        assert (site.told(), aliases(MODEL)["champion"], site.champion) == (told, alias, "a")
    done = site.undo()
    assert (done.before, done.alias, site.told()) == (True, "", (1, None))
    assert aliases(MODEL) == {"champion": "1"}
    assert len(site.entries(Action.ROLLBACK)) == 1
