"""What `status` and `why` tell of the site, its streams, and of what waits for the fleet service."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.serving.channel.site import Configured, SiteConfig, SitePointer
from slipway.serving.edge.cli import main
from slipway.serving.edge.configuration import DEVICE, Enrolment, Home
from slipway.serving.edge.fleet import site, streams_page
from slipway.serving.edge.fleet.book import Book, Trouble
from slipway.serving.edge.fleet.streams_page import Page
from slipway.serving.edge.holding import held
from slipway.serving.edge.telemetry.spool import Spool, waiting_in
from slipway.serving.edge.telemetry.telling import FILE

MODEL = "small-bays"
NOW = datetime.now(UTC)
Said = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A device of the site north, which follows its configuration 4."""
    home = Home(tmp_path / "device")
    home.make()
    enrolment = Enrolment(
        id="gate-1", device_class="edge-cpu", channel="/c", models=(MODEL,), enrolled_at=NOW, site="north",
        fleet="https://fleet.example.org", public_key="0" * 64, root="0" * 64,
    )  # fmt: skip
    home.write(DEVICE, enrolment.to_bytes())
    pointer = SitePointer(site="north", sequence=9, signed_at=NOW, base=Configured(number=4, config=SiteConfig()))
    home.write(site.FILE, pointer.model_dump_json().encode())
    return home


@pytest.fixture
def said(home: Home, capsys: pytest.CaptureFixture[str]) -> Said:
    def run(command: str, *, as_json: bool = False) -> Any:
        main([command, "--home", str(home.folder), *(["--json"] if as_json else [])])
        out = capsys.readouterr().out
        return json.loads(out) if as_json else out

    return run


def test_status_tells_how_the_site_is_followed_while_the_agent_runs(home: Home, said: Said) -> None:
    streams_page.write_page(
        home, Page(by="site", configuration=4, streams={"entry": "well"}, troubles={"stream exit": "no file."})
    )
    text = said("status")
    assert "north, configuration 4" in text
    assert "entry well" not in text, "it was when the agent ran last"
    with held(home.folder, "run", NOW):
        text = said("status")
        assert "entry well" in text
        assert "stream exit: no file." in text
        device = said("status", as_json=True)["device"]
        assert (device["configuration"], device["streams"]["streams"]) == (4, {"entry": "well"})
        assert said("why", as_json=True)[MODEL]["site_troubles"] == {"stream exit": "no file."}
        assert "site, stream exit: no file." in said("why")
        streams_page.write_page(home, Page(by="command line"))
        assert "those of the command line; the site's do not run" in said("status")
        (home.folder / streams_page.FILE).write_text("{")
        assert said("status", as_json=True)["device"]["streams"] is None
    (home.folder / site.FILE).unlink()
    assert "north, nothing is configured" in said("status")


def test_what_waits_to_be_sent_is_counted_whether_or_not_the_agent_runs(home: Home, said: Said) -> None:
    assert "; 0 bytes wait to be sent" in said("status")
    spool = Spool(home.folder / FILE)
    for _ in range(3):
        spool.add("counts", "device", "2026-03-01T10:00:00Z", b'{"frames":1}')
    waiting = spool.size()
    assert said("status", as_json=True)["device"]["waiting_bytes"] == waiting
    spool.close()
    before = sorted(path.name for path in (home.folder / FILE).parent.iterdir())
    assert f"; {waiting:,} bytes wait to be sent" in said("status")
    assert sorted(path.name for path in (home.folder / FILE).parent.iterdir()) == before
    (home.folder / FILE).write_bytes(b"no database" * 100)
    assert waiting_in(home.folder / FILE) is None
    assert "an unknown number of bytes" in said("status")


def test_why_tells_scripts_of_trouble_with_the_fleet_service(home: Home, said: Said) -> None:
    assert said("why", as_json=True)[MODEL]["fleet_trouble"] is None
    Book(home).failed(Trouble(kind="revoked", since=NOW, why="gate-1 was revoked."))
    told = said("why", as_json=True)[MODEL]["fleet_trouble"]
    assert (told["kind"], told["why"]) == ("revoked", "gate-1 was revoked.")
    assert "gate-1 was revoked." in said("why")
