"""What the doctor says about who acts here, with a real key."""

import json
from pathlib import Path
from typing import Any


def identity_finding(slipway: Any) -> dict[str, str]:
    report = json.loads(slipway("doctor", "--json", "--timeout", "60").stdout)
    found: dict[str, str] = next(one for one in report["findings"] if one["name"] == "identity")
    return found


def test_a_machine_without_keys_is_told_how_to_make_one(slipway: Any) -> None:
    finding = identity_finding(slipway)
    assert finding["status"] == "skipped"
    assert "slipway identity init" in finding["detail"]


def test_the_acting_person_is_named_and_a_loosely_kept_key_is_a_failure(slipway: Any, tmp_path: Path) -> None:
    slipway("identity", "init", "ada")
    assert identity_finding(slipway)["detail"].startswith("ada signs with key ")
    (key,) = (tmp_path / "home/.config/slipway/keys").glob("*ada*")
    key.chmod(0o644)
    finding = identity_finding(slipway)
    assert finding["status"] == "failed"
    assert "chmod" in finding["mend"]


def test_someone_with_a_key_whom_nobody_trusts_is_a_failure(slipway: Any, project: Path) -> None:
    slipway("identity", "init", "ada")
    (project / ".slipway/people.toml").unlink()
    assert identity_finding(slipway)["status"] == "failed"
