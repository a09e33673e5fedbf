"""The console's pages on a real ledger, channel and store: what they show and escape, and what a form changes."""

import re
from importlib import resources
from typing import Any

import pytest
from sqlalchemy import event

from console_world import World
from rolling_out import MODEL
from slipway.platform.cli.main import main
from slipway.platform.ledger.entry import Action

SCRIPT = "<script>alert(1)</script>"
TEMPLATES = resources.files("slipway.serving.fleet.console").joinpath("templates").iterdir()
COMMANDS = sorted({one for file in TEMPLATES for one in re.findall(r"<code>slipway ([a-z][a-z ]*)", file.read_text())})


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_a_page_names_is_there(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert f"slipway {command.strip()}" in capsys.readouterr().out


def test_who_has_no_session_learns_how_to_get_one(world: World) -> None:
    for path in ("/", "/fleet", "/ledger", f"/models/{MODEL}", f"/models/{MODEL}/pause"):
        answer = world.browser().get(path)
        assert answer.code == 401
        assert "slipway fleet console" in answer.text
        assert MODEL not in answer.text


def test_pages_show_models_devices_and_decisions_and_ask_nobody_else(world: World) -> None:
    world.devices(3, 2, why=SCRIPT)
    browser = world.browser("ben")
    overview = browser.get("/")
    assert overview.code == 200, overview.text
    assert "3 of 3" not in overview.text
    assert re.search(r"release 2 \(version 2\) to 10 % of all devices", overview.text)
    model, fleet, device = (browser.get(one) for one in (f"/models/{MODEL}", "/fleet", "/devices/gate-00001"))
    assert "3 devices run it" in model.text
    assert all(f"/devices/gate-{number:05}" in fleet.text for number in range(3))
    assert SCRIPT not in device.text
    assert "&lt;script&gt;alert(1)" in device.text
    ledger = browser.get("/ledger")
    assert f"<b>release</b> {MODEL}" in ledger.text
    for answer in (overview, model, fleet, device, ledger):
        assert answer.code == 200
        assert "default-src 'none'" in answer.policy
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", answer.text)


def test_a_form_pauses_for_a_person_with_the_role_and_the_ledger_says_who(world: World) -> None:
    path, origin = f"/models/{MODEL}/pause", world.url
    form = {"release": "2", "reason": f"wrong {SCRIPT}", "request": "r" * 32}
    assert world.browser("ben").get(path).code == 403
    assert world.browser("ben").post(path, form, origin=origin).code == 403
    assert world.browser().post(path, form, origin=origin).code == 401
    browser = world.browser("cleo")
    assert "No other device begins with release 2" in browser.get(path).text
    assert browser.post(path, form).code == 403
    assert browser.post(path, {**form, "reason": " "}, origin=origin).code == 422
    assert browser.post(path, {**form, "release": "1"}, origin=origin).code == 422
    assert world.site.rollout.paused is None
    for _ in range(2):
        assert browser.post(path, form, origin=origin).code == 303
    (entry,) = world.site.entries(Action.PAUSE)
    assert (entry.signer, entry.entry.decision.details["asked_by"]) == ("rollouts", "cleo")
    assert "vnd.slipway.fleet-request" in entry.entry.decision.details["grant"]
    shown = browser.get(f"/models/{MODEL}").text
    assert SCRIPT not in shown
    assert "asked by cleo" in shown


def test_a_form_undoes_what_is_on_its_way(world: World) -> None:
    path = f"/models/{MODEL}/undo"
    browser = world.browser("cleo")
    assert "go back to release 1" in browser.get(path).text
    form = {"release": "2", "reason": "wrong at night", "request": "u" * 32}
    assert browser.post(path, form, origin=world.url).code == 303
    assert world.site.told() == (1, None)


def test_ten_thousand_devices_cost_as_few_questions_as_ten(world: World) -> None:
    asked: list[str] = []
    world.devices(10_000, 2)
    browser = world.browser("ben")

    def count(*told: Any) -> None:
        if told[2] != "begin":
            asked.append(told[2])

    event.listen(world.store._reads, "before_cursor_execute", count)
    for path, questions, size in (("/", 12, 6_000), ("/fleet", 6, 50_000), ("/devices/gate-00001", 10, 6_000)):
        asked.clear()
        answer = browser.get(path)
        assert answer.code == 200
        assert len(asked) <= questions, asked
        assert len(answer.text) <= size, len(answer.text)
    following = re.search(r'"(/fleet\?after=[^"]+)">Next', browser.get("/fleet").text)
    assert following
    assert "gate-00100" in browser.get(following[1]).text
