"""What operators do by commands: tokens by CSV, and devices as they are listed, shown and revoked."""

import csv
import json
from pathlib import Path

import pytest

from commanding import Run, commanding
from fleet_service import FieldDevice, Running, person, running
from fleet_service.device import standing
from rolling_out import Site

Commanded = tuple[Running, Run]


def test_devices_are_listed_with_what_they_run_and_with_what_comes(commanded: Commanded) -> None:
    fleet, run = commanded
    gate = fleet.device("gate-1", site="harbour")
    fleet.device("gate-2")
    assert gate.report(standings=[standing("parcel", 3), standing("letter", 4, phase="fetch")])[0] == 200
    first, second = run("fleet", "list")[1].splitlines()[1:]
    assert "letter 4 (fetch), parcel 3  " in first
    assert second.startswith("gate-2")
    found = json.loads(run("fleet", "list", "--site", "harbour", "--model", "letter", "--release", "4", "--json")[1])
    assert [one["id"] for one in found["devices"]] == ["gate-1"]
    assert run("fleet", "list", "--site", "inland")[1:] == ("", "There is no such device.\n")


def test_a_device_is_shown_with_what_it_ran_until_it_is_revoked(commanded: Commanded) -> None:
    fleet, run = commanded
    gate = fleet.device("gate-1", site="harbour")
    assert gate.report(standings=[standing("parcel", 3, provider="cpu", why="Release 3 runs since noon.")])[0] == 200
    shown = run("fleet", "show", "gate-1")[1]
    assert "release 3, settled, cpu" in shown
    assert "Release 3 runs since noon." in shown
    assert "parcel" in run("fleet", "history", "gate-1")[1]
    assert run("fleet", "history", "--at", "2020-01-01")[2] == "Nothing ran.\n"
    assert "there may be more" not in run("fleet", "history")[2]
    assert "there may be more" in run("fleet", "history", "--limit", "1")[2]
    revoke = ("fleet", "revoke", "gate-1", "--reason", "stolen from the gate")
    assert run(*revoke, "--dry-run")[::2] == (0, "This would revoke gate-1. Nothing was changed.\n")
    assert run(*revoke)[:2] == (0, "gate-1 is revoked.\n")
    assert run(*revoke)[1] == "gate-1 was revoked before. Nothing was changed.\n"
    assert gate.report(standings=[standing("parcel", 3)])[0] == 403
    assert "revoked" in run("fleet", "show", "gate-1")[1]
    assert "stolen from the gate" in run("fleet", "history", "gate-1")[1]
    code, _, err = run("fleet", "show", "gate-9")
    assert (code, "gate-9" in err) == (2, True)


def test_each_row_of_a_csv_gets_a_token_that_makes_its_machine_a_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path / "site").open()
    run = commanding(site, monkeypatch, "edda")
    table = tmp_path / "gates.csv"
    table.write_text("id,class,site,models\ngate-1,edge-cpu,harbour,parcel letter\ngate-2,edge-cpu,,parcel\n")
    with running(tmp_path, everybody=(site.signer("edda"), person("ben"))) as fleet:
        site.environ["SLIPWAY_FLEET__URL"] = fleet.url
        code, out, err = run("fleet", "enrol", "--csv", str(table), "--yes")
        assert code == 0, err
        first, second = csv.DictReader(out.splitlines())
        assert (first["id"], first["models"], second["site"]) == ("gate-1", "parcel letter", "")
        assert FieldDevice(fleet.url, "gate-2").enrol(first["token"])[0] == 403
        code, joined = FieldDevice(fleet.url, "gate-1").enrol(first["token"])
        assert (code, joined["site"], joined["models"]) == (200, "harbour", ["parcel", "letter"])
        table.write_text("id,class\ngate-3,edge-cpu\ngate 4,edge-cpu\n")
        code, out, err = run("fleet", "enrol", "--csv", str(table), "--model", "parcel", "--yes")
        assert (code, out, "gate 4" in err) == (2, "", True), err
        assert len(fleet.store.tokens()) == 1
