"""The agent's systemd unit keeps what it promises."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "infra/edge/slipway-edge.service"
PROGRAM = "/opt/slipway-edge/bin/slipway-edge"
EXPOSED_AT_MOST = 20
"""Tenths of what `systemd-analyze security` counts up to 100."""


def settings() -> dict[str, list[str]]:
    """Every key with its values, in their order."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            found.setdefault(name, []).append(value)
    return found


def test_it_runs_the_agent_as_a_user_without_rights_who_can_write_his_folder_alone() -> None:
    found = settings()
    assert found["ExecStart"] == [f"{PROGRAM} run $SLIPWAY_EDGE_RUN"]
    assert "SLIPWAY_EDGE_HOME=/var/lib/slipway-edge" in found["Environment"]
    expected = {
        "User": "slipway-edge",
        "StateDirectory": "slipway-edge",
        "StateDirectoryMode": "0700",
        "UMask": "0077",
        "ProtectSystem": "strict",
        "ProtectHome": "true",
        "NoNewPrivileges": "true",
        "CapabilityBoundingSet": "",
        "DevicePolicy": "closed",
    }
    assert {name: found[name] for name in expected} == {name: [value] for name, value in expected.items()}
    assert "ReadWritePaths" not in found


def test_it_is_started_again_for_ever_but_not_after_wrong_use() -> None:
    found = settings()
    assert found["Restart"] == ["always"]
    assert found["StartLimitIntervalSec"] == ["0"]
    assert found["RestartPreventExitStatus"] == ["2"]
    assert float(found["RestartSec"][0]) >= 5


def test_a_child_that_takes_too_much_memory_does_not_end_the_agent() -> None:
    found = settings()
    assert found["OOMPolicy"] == ["continue"]
    assert found["MemoryMax"][0].endswith("%")


def test_the_agent_has_time_to_end_before_it_is_killed() -> None:
    from slipway.serving.edge.stopping import GRACE_S

    assert float(settings()["TimeoutStopSec"][0]) > GRACE_S


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_understands_it_and_finds_little_exposed(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(PROGRAM, "/bin/true"))
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    security = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSED_AT_MOST}", "--no-pager"]
    judged = subprocess.run([*security, str(unit)], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout
