"""DAG files import Airflow and slipway.pipelines, and the check says where one does not."""

from pathlib import Path

import pytest

from check_dags import check

GOOD = """
import datetime
from airflow.sdk import DAG
from slipway.pipelines import flows
from slipway.pipelines.operator import RunOperator
"""


@pytest.mark.parametrize(
    "line",
    [
        "import torch",
        "import mlflow.tracking",
        "import great_expectations as gx",
        "from slipway.platform import settings",
        "from slipway import training",
        "from . import helpers",
        "def step():\n    import torch",
    ],
)
def test_an_import_of_anything_else_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "good.py").write_text(GOOD)
    (folder / "bad.py").write_text(GOOD + line)
    (problem,) = check(folder)
    assert problem.startswith(f"dags/bad.py:{6 + line.count(chr(10))}: imports ")


def test_what_wires_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    assert check(tmp_path) == []
