"""Passwords of cameras stand on the device alone, go to their own host alone, and are read by nobody else."""

import json
from pathlib import Path

import pytest

from slipway.serving.edge.fleet.logins import FILE, opened_as, stamp_of
from slipway.serving.errors import WrongUse

SECRET = "rose:bud/7@"


def write(folder: Path, content: object, mode: int = 0o600) -> None:
    path = folder / FILE
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)


def logins(**hosts: str) -> dict[str, object]:
    return {"logins": {host: {"user": user, "password": SECRET} for host, user in hosts.items()}}


def test_a_login_is_given_to_its_own_host_and_to_no_other(tmp_path: Path) -> None:
    write(tmp_path, logins(**{"10.0.0.2": "viewer", "10.0.0.2:8554": "other", "gate.example.org": "viewer"}))
    quoted = "rose%3Abud%2F7%40"
    assert opened_as(tmp_path, "rtsp://10.0.0.2/main?a=b") == f"rtsp://viewer:{quoted}@10.0.0.2/main?a=b"
    assert opened_as(tmp_path, "rtsp://10.0.0.2:8554/x") == f"rtsp://other:{quoted}@10.0.0.2:8554/x"
    assert opened_as(tmp_path, "https://Gate.example.org/x") == f"https://viewer:{quoted}@Gate.example.org/x"
    for source in (
        "rtsp://10.0.0.3/main",
        "http://gate.example.org.evil.example/x",
        "http://[::1",
        "v4l2:0",
        "world:a",
    ):
        assert opened_as(tmp_path, source) == source


def test_without_the_file_there_is_no_login_and_no_pipeline(tmp_path: Path) -> None:
    assert opened_as(tmp_path, "rtsp://10.0.0.2/main") == "rtsp://10.0.0.2/main"
    with pytest.raises(WrongUse, match="does not list"):
        opened_as(tmp_path, "gst:filesrc location=device.key ! tcpclientsink")


def test_only_a_pipeline_that_the_device_lists_is_run(tmp_path: Path) -> None:
    write(tmp_path, {"pipelines": ["v4l2src ! videoconvert ! appsink"]})
    source = "gst:v4l2src ! videoconvert ! appsink"
    assert opened_as(tmp_path, source) == source
    with pytest.raises(WrongUse, match="does not list"):
        opened_as(tmp_path, "gst:v4l2src ! filesink")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    write(tmp_path, logins(**{"10.0.0.2": "viewer"}), mode)
    with pytest.raises(WrongUse, match="by others than this agent") as caught:
        opened_as(tmp_path, "rtsp://10.0.0.2/main")
    assert SECRET not in str(caught.value)
    assert opened_as(tmp_path, "v4l2:0") == "v4l2:0", "which needs no login"


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[" * 100_000,
        {"logins": {"10.0.0.2": {"user": "", "password": SECRET}}},
        {"logins": {"10.0.0.2": {"user": "a", "password": SECRET, "passwort": SECRET}}},
        {"logins": {"10.0.0.2": SECRET}},
    ],
)
def test_a_damaged_file_is_refused_without_a_word_of_what_it_says(tmp_path: Path, content: object) -> None:
    write(tmp_path, content)
    with pytest.raises(WrongUse) as caught:
        opened_as(tmp_path, "rtsp://10.0.0.2/main")
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_link_and_a_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("{}")
    (tmp_path / FILE).symlink_to(tmp_path / "other")
    with pytest.raises(WrongUse, match="cannot be read"):
        opened_as(tmp_path, "rtsp://10.0.0.2/main")


def test_a_file_that_was_written_anew_is_told_from_before(tmp_path: Path) -> None:
    before = stamp_of(tmp_path, "rtsp://10.0.0.2/main")
    write(tmp_path, logins(**{"10.0.0.2": "viewer"}))
    after = stamp_of(tmp_path, "rtsp://10.0.0.2/main")
    assert before == ()
    assert after != before
    assert stamp_of(tmp_path, "v4l2:0") == ()
