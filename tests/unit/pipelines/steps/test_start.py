"""Steps, flows and their commands are quick to import: a scheduler does so for every file that it reads."""

import subprocess
import sys

from imported import HEAVY, modules_after
from slipway.pipelines.steps.table import STEPS

HEAVIER = HEAVY | {"airflow", "dvc", "sqlalchemy", "tuf", "rich"}


def test_nothing_heavy_is_imported_with_steps_and_flows() -> None:
    modules = [f"slipway.pipelines.steps.{name}" for name in STEPS]
    modules += [f"slipway.pipelines.flows.{name}" for name in ("causes", "running", "planning", "listing")]
    program = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert {name.partition(".")[0] for name in told.split()}.isdisjoint(HEAVIER)


def test_the_help_of_flows_needs_none_of_it() -> None:
    assert modules_after("flow", "--help").isdisjoint(HEAVIER)
