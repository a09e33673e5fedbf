"""What the doctor says about this machine."""

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from slipway.platform.doctor import Status, host
from slipway.platform.doctor.lock import drift
from slipway.platform.machine import GIB, Cores, cores, memory_limit
from slipway.platform.settings import Settings, Target


def test_another_version_and_a_missing_package_are_drift(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"typer==0.0.1\nno-such-thing==1.0\nrich=={version('rich')}\n")
    assert drift(lock) == [
        "no-such-thing is missing, the lock says 1.0",
        f"typer is {version('typer')}, the lock says 0.0.1",
    ]


def test_a_lock_that_does_not_fit_is_a_warning_with_its_mend(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").write_text("typer==0.0.1\n")
    finding = next(one for one in host.python(tmp_path) if one.name == "lock")
    assert finding.status is Status.WARNING
    assert finding.mend == "rm -r .venv && make setup"


def test_an_installation_without_a_lock_skips_that_check(tmp_path: Path) -> None:
    assert [one.status for one in host.python(tmp_path)] == [Status.OK, Status.SKIPPED]


@pytest.mark.parametrize(
    ("content", "expected", "threads"),
    [("max 100000", None, None), ("150000 100000", 1.5, 2), ("50000 100000", 0.5, 1)],
)
def test_the_quota_of_the_control_group_counts(
    tmp_path: Path, content: str, expected: float | None, threads: int | None
) -> None:
    (tmp_path / "cpu.max").write_text(content)
    found = cores(tmp_path)
    assert found.quota == expected
    assert threads is None or Cores(64, found.quota).threads == threads


def test_the_older_control_groups_are_read_as_well(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("200000")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000")
    assert cores(tmp_path).quota == 2
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory/memory.limit_in_bytes").write_text("1048576")
    assert memory_limit(tmp_path) == 1048576


def test_more_threads_than_the_quota_grants_is_a_warning() -> None:
    (finding,) = host.threads(Cores(64, 2.0), {})
    assert finding.status is Status.WARNING
    assert finding.mend == "export OMP_NUM_THREADS=2"
    (finding,) = host.threads(Cores(64, 2.0), {"OMP_NUM_THREADS": "2"})
    assert finding.status is Status.OK


def test_a_gpu_that_a_target_asks_for_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (finding, _) = host.gpu(Settings(targets={"local": Target(gpus=1)}))
    assert finding.status is Status.FAILED
    (finding, _) = host.gpu(Settings(targets={"local": Target()}))
    assert finding.status is Status.SKIPPED


def test_the_drivers_tool_is_asked_for_devices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'L4, 23034 MiB, 570.10'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (finding, _) = host.gpu(Settings(targets={"local": Target(gpus=1)}))
    assert (finding.status, finding.detail) == (Status.OK, "L4, 23034 MiB, 570.10")


def test_little_disk_is_a_warning_and_hardly_any_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for free, status in ((100, Status.FAILED), (5 * GIB, Status.WARNING), (50 * GIB, Status.OK)):
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        (finding,) = host.disk(tmp_path)
        assert finding.status is status
