"""The whole loop on one real local stack: seen in a browser, and killed anywhere, with the same end."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from own_model import MODEL
from slipway.pipelines.local import processes
from whole_loop.browsing import Window, browsing
from whole_loop.driving import Driver, devices, settled
from whole_loop.killing import Killer
from whole_loop.loop import AGENTS, LONGER, PERSON, RETRAIN, SHORT, Loop
from whole_loop.victims import Seen

pytestmark = [pytest.mark.xdist_group("servers"), pytest.mark.timeout(1800)]

DECISIONS = {"verdict": 1, "register": 1, "approve": 1, "promote": 1, "release": 1, "advance": 2}
"""From a bundle to the end of its second wave."""
PICTURES = "SLIPWAY_SCREENSHOTS"
"""Names a folder for the pictures that the browser takes; none are kept without it."""
USUAL, SOAKED, LEAST = 1, 2, 4
"""Up to so many processes are killed in each of six phases, and so many in all."""
REASON = "right by day and by night"


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    made = Loop(tmp_path_factory.mktemp("loop"))
    made.found()
    made.take_ports()
    try:
        made.up()
        made.look_at_bays()
        yield made
    finally:
        made.run("local", "down")
    assert not processes.of_stack(made.place.name)


@pytest.fixture(scope="module")
def pictures(callers_environment: Mapping[str, str]) -> Path | None:
    """Where the caller wants them."""
    return Path(callers_environment[PICTURES]) if PICTURES in callers_environment else None


@pytest.fixture(scope="module")
def window(pictures: Path | None) -> Iterator[Window]:
    with browsing(pictures) as opened:
        yield opened


@pytest.fixture(scope="module")
def retrained(loop: Loop, window: Window) -> str:
    """A run that led to a champion and a release: approved by a click on Airflow's page, followed in the console."""
    airflow, page = loop.airflow, window.page
    run = airflow.trigger(RETRAIN, overrides=list(SHORT))
    airflow.asked(RETRAIN, run, "approval")
    window.log_in(airflow.address, PERSON, airflow.password(PERSON))
    page.goto(f"{airflow.address}/required_actions")
    page.click(f"text=Approve {MODEL}?")
    page.wait_for_selector(f"text=Review of {MODEL}/1")
    verdict = airflow.returned(RETRAIN, run, "gate")["values"]["verdict"]
    assert f"verdict {verdict[:12]}" in page.inner_text("body")
    window.keep("airflow-approval")
    page.fill("#element_reason", REASON)
    page.get_by_test_id("hitl-option-Approve").scroll_into_view_if_needed()
    window.keep("airflow-answer")
    page.get_by_test_id("hitl-option-Approve").click()
    page.wait_for_selector("text=approval response successful")
    page.goto(loop.run("local", "open", "console").strip())
    page.click(f"main a:text-is('{MODEL}')")
    page.wait_for_selector("text=1 of 1 device of the wave run it")
    assert "Wave pilot, 1 of 2; then all" in page.inner_text("main")
    window.keep("console-wave")
    assert airflow.ended(RETRAIN, run) == "success", airflow.states(RETRAIN, run)
    return run


def test_an_approval_by_a_click_is_the_persons_in_the_ledger(loop: Loop, retrained: str) -> None:
    assert retrained
    (entry,) = [one for one in loop.ask("ledger", "list") if one["decision"]["action"] == "approve"]
    decision = entry["decision"]
    assert (decision["actor"], decision["reason"], entry["signer"]) == (PERSON, REASON, "flows")
    assert (decision["details"]["via"], decision["details"]["run"]) == ("airflow", retrained)


def test_the_console_shows_when_everybody_has_it(loop: Loop, window: Window, retrained: str) -> None:
    assert retrained
    page = window.page
    page.goto(loop.run("local", "open", "console").strip())
    page.click(f"main a:text-is('{MODEL}')")
    page.wait_for_selector("text=Everybody may run release 1")
    page.wait_for_selector("text=2 devices of 2 do")
    page.click("nav >> text=Fleet")
    for agent in AGENTS:
        page.wait_for_selector(f"main >> text={agent}")
    window.keep("console-fleet")


def test_the_grid_is_green(loop: Loop, window: Window, retrained: str) -> None:
    address, page = loop.airflow.address, window.page
    page.goto(f"{address}/dags/{RETRAIN}/runs/{retrained}")
    page.wait_for_selector(f"[data-testid='grid-{retrained}-promote']")
    for task in loop.airflow.states(RETRAIN, retrained):
        badge = f"[data-testid='grid-{retrained}-{task}'] [data-testid=task-state-badge]"
        window.until(partial(window.is_green, badge), f"{task} is green")
    window.keep("airflow-retrain")


def test_version_and_aliases_are_on_mlflows_page(loop: Loop, window: Window, retrained: str) -> None:
    assert retrained
    page, (address,) = window.page, [one.address for one in loop.standing.components if one.name == "mlflow"]
    window.rid_of_greetings(address)
    page.click(f"text={MODEL}")
    page.wait_for_selector("text=Versions")
    page.click("text=Version 1")
    page.wait_for_selector(f"text=approved by {PERSON}")
    page.wait_for_selector("text=@ champion")
    assert "challenger" not in page.inner_text("body")
    window.keep("mlflow-version")


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen()


def test_killed_anywhere_it_comes_to_the_same_as_undisturbed(
    loop: Loop, seen: Seen, seed: int, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    overrides = (*LONGER, f"seed={seed + 100}")
    killer = Killer(loop, seed, SOAKED if pytestconfig.getoption("seeds") else USUAL, loop.up, seen)
    driver = Driver(loop, overrides, killer.look)
    try:
        bundle = driver.drive()
        loop.up()
        check_end(loop, driver, bundle, tmp_path)
    except BaseException as error:
        error.add_note(f"{killer.told()}\n{driver.told()}\n{loop.told()}")
        raise
    assert len(killer.kills) >= LEAST, killer.told()
    (tmp_path / "kills.txt").write_text(killer.told())


def check_end(loop: Loop, driver: Driver, bundle: str, folder: Path) -> None:
    values = loop.airflow.returned(RETRAIN, driver.runs[-1], "export")["values"]
    run, weights, same = loop.trained(driver.overrides, folder)
    assert loop.airflow.returned(RETRAIN, driver.runs[-1], "train")["values"]["run"] == run, values
    assert (loop.weights(run), bundle) == (weights, same)
    assert loop.decisions(bundle) == DECISIONS
    assert set(loop.tracked().values()) == {1}
    assert loop.ask("ledger", "verify")["problems"] == []
    versions = [one for one in loop.ask("model", "list", MODEL) if one["bundle"] == bundle]
    assert [one["state"] for one in versions] == ["champion"]
    assert [one["deeds"] for one in loop.ask("model", "guard", "--once", "--dry-run")] == [[]]
    assert all(settled(one, bundle) for one in devices(loop).values())


def test_after_down_no_process_is_left(loop: Loop, seen: Seen) -> None:
    seen.look(loop)
    loop.run("local", "down")
    assert seen.left() == []
    assert not processes.of_stack(loop.place.name)
