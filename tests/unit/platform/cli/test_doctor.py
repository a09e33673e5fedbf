"""`slipway doctor` as a person and a script see it."""

import json
from typing import Any


def test_a_fresh_project_needs_nothing_and_nothing_fails(slipway: Any) -> None:
    result = slipway("doctor", "--json", "--timeout", "60")
    report = json.loads(result.stdout)
    assert report["context"] == "local"
    assert [one for one in report["findings"] if one["status"] == "failed"] == []
    assert (report["ok"], result.returncode) == (True, 0)


def test_a_bucket_that_is_not_there_is_named_with_its_mend(slipway: Any) -> None:
    nobody = {"AWS_EC2_METADATA_DISABLED": "true"}
    result = slipway("doctor", "--timeout", "60", SLIPWAY_STORE__URL="s3://nope-not-there", **nobody)
    assert result.returncode == 1
    (row,) = [line for line in result.stdout.splitlines() if line.startswith("store ")]
    assert "failed" in row
    assert "nope-not-there" in result.stdout + result.stderr
    assert "store:" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_table_has_a_line_for_each_check(slipway: Any) -> None:
    output = slipway("doctor", "--timeout", "60").stdout
    for name in (
        "python",
        "disk",
        "memory",
        "threads",
        "gpu",
        "store",
        "data remote",
        "mlflow",
        "airflow",
        "kubernetes",
    ):
        assert f"\n{name} " in output


def test_a_slow_answer_is_a_finding_and_not_a_wait(slipway: Any, silent_address: str) -> None:
    result = slipway("doctor", "--json", "--timeout", "1", SLIPWAY_MLFLOW__TRACKING_URI=silent_address)
    findings = {one["name"]: one for one in json.loads(result.stdout)["findings"]}
    assert findings["mlflow"]["status"] == "failed"
    assert "no answer within 1 s" in findings["mlflow"]["detail"]
    assert result.returncode == 1
