"""How far an engine is, as the log, `status` and `why` tell it while it is built."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slipway.serving.edge.agent.disk import RealDisk
from slipway.serving.edge.agent.journal import Journal
from slipway.serving.edge.agent.slots import Layout
from slipway.serving.edge.agent.state import Phase, State
from slipway.serving.edge.building import EVERY_S, Building, how_far
from slipway.serving.edge.cli import main
from slipway.serving.edge.configuration import DEVICE, Enrolment, Home
from slipway.serving.edge.holding import held

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
MODEL = "vehicle-reid"
BUILDS = State(model=MODEL, phase=Phase.BUILD)


class Pace:
    """Seconds, moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The folder of a device."""
    home = Home(tmp_path / "home")
    home.make()
    return home


def test_it_is_told_every_few_seconds_and_gone_at_the_end(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pace = Pace()
    with Building(home, MODEL, pace).of("fp16") as tell:
        assert how_far(home, BUILDS, "somebody") == "building the engine of fp16"
        for step in range(1, 5):
            tell("Tactics", step, 12)
        assert how_far(home, BUILDS, "somebody") == "building the engine of fp16: Tactics, 1 of 12"
        pace.now += EVERY_S
        tell("Tactics", 7, 12)
        assert how_far(home, BUILDS, "somebody") == "building the engine of fp16: Tactics, 7 of 12"
        assert how_far(home, BUILDS, None) is None
        assert how_far(home, State(model=MODEL, phase=Phase.PROVE), "somebody") is None
        assert how_far(home, State(model="another", phase=Phase.BUILD), "somebody") is None
    assert how_far(home, BUILDS, "somebody") is None
    assert list(home.folder.iterdir()) == []
    assert caplog.messages == [
        f"{MODEL}: building the engine of fp16{more}" for more in ("", ": Tactics, 1 of 12", ": Tactics, 7 of 12")
    ]


def test_a_build_that_fails_leaves_no_note_and_a_full_disk_stops_none(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MemoryError), Building(home, MODEL).of("fp16"):
        raise MemoryError
    assert list(home.folder.iterdir()) == []

    def full(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(home, "write", full)
    with Building(home, MODEL).of("fp16") as tell:
        tell("Tactics", 1, 12)


def test_status_and_why_show_it_while_the_agent_works(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    enrolment = Enrolment(
        id="gate-1", device_class="edge-tensorrt", channel="http://127.0.0.1:1/", models=(MODEL,), root="a" * 64,
        enrolled_at=NOW, public_key="0" * 64,
    )  # fmt: skip
    home.write(DEVICE, enrolment.to_bytes())
    Journal(RealDisk(home.folder), Layout(MODEL).journal).write(BUILDS)
    told = "building the engine of fp16: Tactics, 3 of 12"

    def said(*words: str) -> str:
        main([*words, "--home", str(home.folder)])
        return capsys.readouterr().out

    with Building(home, MODEL).of("fp16") as tell:
        tell("Tactics", 3, 12)
        assert told not in said("status")
        with held(home.folder, "run", NOW):
            assert told in said("status")
            assert told in said("why")
            assert json.loads(said("status", "--json"))["device"]["building"] == {MODEL: told}
            assert json.loads(said("why", "--json"))[MODEL]["building"] == told
    assert json.loads(said("why", "--json"))[MODEL]["building"] is None
