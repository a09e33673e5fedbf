"""A device's folder: who may use it, what it says, and that nobody works in it twice."""

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.serving.bundle.canonical import sha256
from slipway.serving.edge.configuration import DEVICE, VARIABLE, Enrolment, Home, NotEnrolled, home_folder, root_name
from slipway.serving.edge.holding import Held, held, holder
from slipway.serving.errors import SlipwayError, WrongUse

NOW = datetime(2026, 11, 29, 10, tzinfo=UTC)
ROOT = b'{"signed": {}}'
HOLDING = """
import sys
from datetime import datetime, timezone
from pathlib import Path
from slipway.serving.edge.holding import held

with held(Path(sys.argv[1]), "run", datetime.now(timezone.utc)):
    print("held", flush=True)
    sys.stdin.read()
"""


def enrolment(**parts: Any) -> Enrolment:
    """A device."""
    told = {
        "id": "north-gate-1",
        "device_class": "edge-cpu",
        "channel": "https://models.example",
        "models": ("bay-occupancy",),
        "enrolled_at": NOW,
        "public_key": "0" * 64,
        "root": sha256(ROOT),
    }
    return Enrolment.model_validate({**told, **parts})


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A folder that was just made."""
    home = Home(tmp_path / "device")
    home.make()
    return home


def test_a_folder_and_its_files_are_for_their_owner_alone(home: Home) -> None:
    home.folder.chmod(0o755)
    home.make()
    home.write(DEVICE, enrolment().to_bytes())
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((home.folder / DEVICE).stat().st_mode) == 0o600
    assert [path.name for path in home.folder.iterdir()] == [DEVICE]


def test_what_was_written_is_read_again(home: Home) -> None:
    assert home.find() is None
    home.write(DEVICE, enrolment(cohorts=("first",)).to_bytes())
    assert home.enrolment() == enrolment(cohorts=("first",))


def test_a_machine_that_was_never_enrolled_says_so(home: Home) -> None:
    with pytest.raises(NotEnrolled, match="never enrolled") as caught:
        home.enrolment()
    assert "slipway-edge enrol" in str(caught.value.mend)


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"id": "../../etc"}, "id"),
        ({"models": []}, "models"),
        ({"models": ["a", "a"]}, "models"),
        ({"device_class": "Edge CPU"}, "device_class"),
        ({"polling": {"every_s": 0.1}}, "polling.every_s"),
        ({"budget": {"bytes_per_day": 1}}, "budget.bytes_per_day"),
        ({"colour": "red"}, "colour"),
        ({"enrolled_at": "2026-11-29T10:00:00"}, "enrolled_at"),
    ],
)
def test_a_device_file_that_somebody_changed_is_refused_by_the_name_of_what_is_wrong(
    home: Home, parts: dict[str, Any], place: str
) -> None:
    home.write(DEVICE, json.dumps({**enrolment().model_dump(mode="json"), **parts}).encode())
    with pytest.raises(SlipwayError, match=rf"device\.json: {place}: ") as caught:
        home.enrolment()
    assert "--again" in str(caught.value.mend)


@pytest.mark.parametrize("data", [b"", b"[" * 100_000, b"{}" + b" " * 100_000, b"\xff"])
def test_a_device_file_that_is_none_is_refused(home: Home, data: bytes) -> None:
    (home.folder / DEVICE).write_bytes(data)
    with pytest.raises(SlipwayError, match=r"device\.json"):
        home.enrolment()


def test_a_device_file_that_is_a_link_is_refused(home: Home, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(enrolment().to_bytes())
    (home.folder / DEVICE).symlink_to(tmp_path / "other")
    with pytest.raises(SlipwayError, match="is a link"):
        home.enrolment()


def test_a_root_that_was_changed_is_not_believed(home: Home) -> None:
    home.write(root_name(sha256(ROOT)), ROOT)
    assert home.root(enrolment()) == ROOT
    home.write(root_name(sha256(ROOT)), ROOT + b" ")
    with pytest.raises(SlipwayError, match="is not the root"):
        home.root(enrolment())


def test_the_folder_is_the_one_named_by_option_before_variable_before_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {VARIABLE: str(tmp_path / "told"), "XDG_DATA_HOME": str(tmp_path / "data")}
    assert home_folder(tmp_path / "named", environment) == tmp_path / "named"
    assert home_folder(None, environment) == tmp_path / "told"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert home_folder(None, {"XDG_DATA_HOME": str(tmp_path / "data")}) == tmp_path / "data/slipway-edge"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert home_folder(None, {}) == Path("/var/lib/slipway-edge")


def test_another_users_folder_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: home.folder.stat().st_uid + 1)
    with pytest.raises(WrongUse, match="belongs to the user") as caught:
        home.make()
    assert "sudo -u" in str(caught.value.mend)


def test_one_process_at_a_time_works_in_a_folder_and_a_killed_one_leaves_it(home: Home) -> None:
    command = [sys.executable, "-c", HOLDING, str(home.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Held, match=rf"`slipway-edge run`, process {other.pid}, since"), held(home.folder, "x", NOW):
            pass
        assert str(other.pid) in str(holder(home.folder))
        other.kill()
    assert holder(home.folder) is None
    with held(home.folder, "once", NOW):
        assert "slipway-edge once" in str(holder(home.folder))
