"""What a device remembers of a channel survives damage, power cuts and full disks."""

import errno
import inspect
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tuf.ngclient import Updater

from signed_channel import Follower, Office
from slipway.serving.channel import limits
from slipway.serving.channel.errors import CannotRemember, ChannelError, Untrusted
from slipway.serving.channel.trust_folder import UNFINISHED
from slipway.serving.channel.updater import RememberingUpdater
from slipway.serving.release.inspecting import standing_of


class PowerCut(BaseException):
    """Ends the process in the middle of a write."""


def older_and_newer(office: Office, tmp_path: Path) -> Path:
    """A mirror of the state before the root, the pointer and everything else were signed anew."""
    old = tmp_path / "old"
    shutil.copytree(office.folder, old)
    office.time.forward(hours=1)
    office.new_key("dora")
    assert office.repository().rotate(["models", "root"]) == ()
    office.repository().refresh("channels")
    return old


def kept(trust: Path) -> list[Path]:
    return sorted(path for path in trust.rglob("*") if path.is_file())


def test_files_are_for_their_owner_only(device: Follower) -> None:
    device.look()
    assert {path.name for path in kept(device.trust)} >= {"marks.json", "timestamp.json", "1.root.json"}
    for path in (device.trust, *device.trust.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


@pytest.mark.parametrize("damage", [b"", b"half", None], ids=["empty", "torn", "lost"])
def test_one_damaged_file_is_mended_and_opens_no_way_back(
    office: Office, device: Follower, tmp_path: Path, damage: bytes | None
) -> None:
    old = older_and_newer(office, tmp_path)
    device.look()
    for path in kept(device.trust):
        whole = path.read_bytes()
        if damage is None:
            path.unlink()
        else:
            path.write_bytes(whole[: len(whole) // 2] if damage else b"")
        with pytest.raises(Untrusted):
            device.look(old)
        device.look()
        assert path.read_bytes() == whole


def test_damaged_marks_are_told(device: Follower, caplog: pytest.LogCaptureFixture) -> None:
    device.look()
    (device.trust / "marks.json").write_text("{")
    device.look()
    assert "marks.json is damaged and is made again" in caplog.text


def test_a_look_that_learns_nothing_new_writes_nothing(device: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    device.look()
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("written"))
    device.look()


def cuts(monkeypatch: pytest.MonkeyPatch, device: Follower, tmp_path: Path) -> Iterator[int]:
    """The same look again and again, each time cut off one write later, and once not."""
    before = tmp_path / "before"
    shutil.copytree(device.trust, before)
    real = os.fsync
    for allowed in range(100):
        shutil.rmtree(device.trust)
        shutil.copytree(before, device.trust)
        left = [allowed]

        def sync(descriptor: int, left: list[int] = left) -> None:
            if not left[0]:
                os.ftruncate(descriptor, 3) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
                raise PowerCut
            left[0] -= 1
            real(descriptor)

        monkeypatch.setattr(os, "fsync", sync)
        try:
            device.look()
        except PowerCut:
            monkeypatch.setattr(os, "fsync", real)
            yield allowed
        else:
            monkeypatch.setattr(os, "fsync", real)
            assert allowed > 5
            return


def test_a_power_cut_at_any_write_leaves_a_device_that_goes_on(
    office: Office, device: Follower, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.look()
    old = older_and_newer(office, tmp_path)
    older = tmp_path / "older"
    shutil.copytree(old, older)
    for _ in cuts(monkeypatch, device, tmp_path):
        assert device.look().base is not None
        with pytest.raises(Untrusted):
            device.look(older)
        assert not [path for path in kept(device.trust) if path.name.endswith(UNFINISHED)]


def test_a_full_disk_is_told_and_the_next_look_mends_it(
    office: Office, device: Follower, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.look()
    older_and_newer(office, tmp_path)
    real = os.fsync

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotRemember, match="No space left"):
        device.look()
    monkeypatch.setattr(os, "fsync", real)
    assert device.look().base is not None


def test_a_damaged_enrolment_root_is_told(device: Follower) -> None:
    device.bootstrap = device.bootstrap[:-40]
    with pytest.raises(ChannelError, match="the root that this device was enrolled with is no metadata"):
        device.look()


def test_python_tuf_still_has_the_stages_that_we_step_in_between() -> None:
    """They are internal to it: a version without one of them would keep trust without our checks."""
    stages = {name for name in vars(RememberingUpdater) if name.startswith("_") and not name.startswith("__")}
    ours = {"_check_timestamp", "_check_snapshot", "_signers"}
    assert stages - ours == {
        "_load_root",
        "_load_timestamp",
        "_load_snapshot",
        "_persist_metadata",
        "_persist_file",
        "_update_root_symlink",
    }
    assert stages - ours <= vars(Updater).keys()
    called = "".join(inspect.getsource(getattr(Updater, name)) for name in ("refresh", "__init__", "_persist_root"))
    called += "".join(
        inspect.getsource(getattr(Updater, f"_load_{name}")) for name in ("timestamp", "snapshot", "targets")
    )
    assert all(f"self.{name}(" in called for name in stages - ours)


def test_a_device_that_is_far_behind_follows_some_roots_in_each_look(
    office: Office, device: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ROOT_ROTATIONS", 3)
    for _ in range(7):
        office.repository().refresh("root")
    office.new_key("rollouts")
    assert office.repository().rotate(["channels", "snapshot", "timestamp"]) == ()
    assert "There are 9 roots" in "".join(standing_of(office.repository()).remarks)
    for _ in range(2):
        with pytest.raises(Untrusted):
            device.look()
    assert device.look().base is not None
