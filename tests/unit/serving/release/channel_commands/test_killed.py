"""Whenever a command is killed, devices see the state before or the one after, and the same command again ends it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CASES = {
    # scenario: what devices may see meanwhile, what they see afterwards, how many writes lie between two deaths
    "init": ({"nothing yet", "empty"}, "empty", 8),
    "rotate-root": ({"release 1"}, "release 1", 5),
    "rotate-models": ({"release 1"}, "release 1", 8),
    "keepalive": ({"release 1"}, "release 1", 10),
    "export": ({"release 1", "release 2"}, "release 2", 40),
}


@pytest.mark.parametrize("names", [("init", "rotate-root", "rotate-models"), ("keepalive", "export")])
def test_killed_before_a_write_and_run_again_there_is_one_state(
    names: tuple[str, ...], seed: int, tmp_path: Path
) -> None:
    script = Path(__file__).with_name("killed_commands.py")
    wanted = [f"{name}:{seed % CASES[name][2]}:{CASES[name][2]}" for name in names]
    command = [sys.executable, str(script), str(tmp_path), *wanted]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    for name in names:
        check(name, [one for one in told if one["name"] == name])


def check(name: str, found: list[Any]) -> None:
    """Every death of one command."""
    meanwhile, after, _ = CASES[name]
    assert len(found) > 2
    assert [one["died"] for one in found] == [True] * (len(found) - 1) + [False]
    for one in found:
        assert one["meanwhile"] in meanwhile, one
        assert (one["again"], one["after"], one["settled"]) == (0, after, True), one
        assert "is what was signed, and all of it is there" in one["verified"], one
        assert one["unfinished"] == [], one
    if name != "keepalive":  # which renews once more when it is asked again
        assert len({json.dumps(one["versions"]) for one in found}) == 1
    if name == "init":
        assert set(found[0]["versions"]) == {"root", "targets", "models", "channels", "snapshot", "timestamp"}
        assert all(set(versions) <= {"", "1"} for versions in found[0]["versions"].values())
