"""`slipway fleet control` and `slipway rollout watch` as a person runs them, on a real fleet store that is empty."""

import json
import signal
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from commanding import Run, commanding
from imported import SCRIPT
from planted.leading import Leading, plan
from rolling_out import MODEL
from slipway.platform.cli.alive import touch
from slipway.platform.errors import SlipwayError
from slipway.serving.channel.site import SiteConfig
from slipway.serving.fleet.cli import control
from slipway.serving.fleet.controller.evidence import Evidence
from slipway.serving.fleet.controller.gathering import Asked, Gatherer
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.release.configuring import change, setting
from slipway.serving.release.opening import open_repository


@pytest.fixture
def run(leading: Leading, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Exit code, standard output and standard error of a command."""
    return commanding(leading.site, monkeypatch, "rollouts")


@pytest.fixture
def _store(leading: Leading) -> None:
    FleetStore.of(leading.site.loaded()).close()


def test_without_a_fleet_store_nothing_is_begun(run: Run) -> None:
    code, _, err = run("fleet", "control", "--once")
    assert code == 2
    assert "There is no fleet store at" in err
    assert "slipway fleet serve" in err


@pytest.mark.usefixtures("_store")
def test_without_a_plan_there_is_nothing_to_lead(run: Run) -> None:
    code, out, err = run("fleet", "control", "--once")
    assert (code, out) == (0, "")
    assert "No rollout has a plan" in err


@pytest.mark.usefixtures("_store")
def test_a_look_tells_its_judgement_and_its_numbers(run: Run, leading: Leading) -> None:
    leading.start(plan())
    expected = f"{MODEL} release 2, wave canary: hold: 0 of 15 devices have run it for 6h (0 run it, 0.0 h in all)\n"
    assert run("fleet", "control", "--once")[:2] == (0, expected)
    assert run("fleet", "control", "--dry-run")[:2] == (0, expected)
    (told,) = json.loads(run("fleet", "control", "--once", "--json")[1])
    assert (told["judgement"]["what"], told["done"], told["entry"]) == ("hold", "", None)
    with FleetStore.of(leading.site.loaded()) as store:
        noted = store.look(MODEL)
    assert noted, "what the console shows"
    assert noted.told == told
    code, out, _ = run("rollout", "watch", MODEL, "--once", by="ada")
    assert (code, out.startswith(expected)) == (0, True)
    assert json.loads(run("rollout", "watch", MODEL, "--json", by="ada")[1])["wave"] == "canary"


@pytest.mark.usefixtures("_store")
def test_a_watch_ends_when_nothing_is_led(run: Run) -> None:
    code, out, _ = run("rollout", "watch", MODEL, by="ada")
    assert (code, out) == (0, f"{MODEL}: nothing is on its way\n")


@pytest.mark.usefixtures("_store")
@pytest.mark.parametrize("end", ["ctrl-c", "the reader goes"])
def test_a_watch_into_a_pipe_ends_with_its_reader_and_with_ctrl_c(run: Run, leading: Leading, end: str) -> None:
    leading.start(plan())
    assert run("rollout", "watch", MODEL, "--once", by="ada")[0] == 0  # and the variables are set
    command = [SCRIPT, "rollout", "watch", MODEL, "--every", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        try:
            assert process.stdout.readline().startswith(f"{MODEL} release 2, wave canary: hold")
            if end == "ctrl-c":
                process.send_signal(signal.SIGINT)
                assert process.wait(60) == 0
                assert process.stderr.read() == "Ended. The rollout goes on.\n"
            else:
                process.stdout.close()
                assert process.wait(60) == 0
                assert process.stderr.read() == ""
        finally:
            process.kill()


@pytest.mark.usefixtures("_store")
def test_a_watch_goes_on_after_a_look_that_failed(run: Run, leading: Leading, monkeypatch: pytest.MonkeyPatch) -> None:
    leading.start(plan())
    looks, own = iter(range(9)), Gatherer.gather

    def gather(gatherer: Gatherer, about: Asked, now: datetime) -> Evidence:
        look = next(looks)
        if look in (1, 2):
            raise SlipwayError("The database is locked.")
        if look == 3:
            leading.site.undo()
        return own(gatherer, about, now)

    monkeypatch.setattr(Gatherer, "gather", gather)
    code, out, err = run("rollout", "watch", MODEL, "--every", "0.1", by="ada")
    assert (code, out.splitlines()[-1]) == (0, f"{MODEL}: nothing is on its way")
    assert err == "The database is locked. Trying again every 0.1 s.\n"


@pytest.mark.usefixtures("_store")
def test_both_judge_nights_by_the_zones_of_the_sites(
    run: Run, leading: Leading, monkeypatch: pytest.MonkeyPatch
) -> None:
    leading.start(plan())
    wanted = setting(SiteConfig(zone="Asia/Tokyo"), None)
    desk = leading.site.desk("edda")
    change(desk, open_repository(desk), "harbour", wanted, reason="cameras are there")
    asked: list[dict[str, str]] = []
    own = Gatherer.gather

    def gather(gatherer: Gatherer, about: Asked, now: datetime) -> Evidence:
        asked.append(dict(gatherer.zones()))
        return own(gatherer, about, now)

    monkeypatch.setattr(Gatherer, "gather", gather)
    assert run("fleet", "control", "--once")[0] == 0
    assert run("rollout", "watch", MODEL, "--once")[0] == 0
    assert asked == [{"harbour": "Asia/Tokyo"}] * 2


@pytest.mark.usefixtures("_store")
def test_it_gives_a_sign_of_life_after_each_look_also_one_that_failed(
    run: Run, leading: Leading, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leading.start(plan())
    alive, seen = tmp_path / "alive", list[bool]()

    def gather(*_: object) -> Evidence:
        raise SlipwayError("The database is locked.")

    def touching(file: Path | None) -> None:
        seen.append(alive.exists())
        touch(file)
        if len(seen) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Gatherer, "gather", gather)
    monkeypatch.setattr(control, "touch", touching)
    code, _, err = run("fleet", "control", "--every", "0.1", "--alive", str(alive))
    assert (code, seen, alive.exists()) == (0, [False, True], True)
    assert err.endswith("Ended.\n")
