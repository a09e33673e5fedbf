"""Is a model's folder whole, as `slipway models check` tells."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.platform.identity.people import People, Person
from slipway.platform.models.finder import Model, installed_models
from slipway.training.config.consistency import examine

DECLARED = """\
name: patch-colour
owner: ada
team: perception
purpose: Say which colour a patch has.
risk: {class: minimal, reasons: [Colours harm nobody.]}
value: {kpi: Colours named, owner: ben}
devices:
  edge-cpu: {variants: [fp32], latency_ms: 5, memory_mb: 100, size_mb: 1}
export:
  inputs: [{name: images, dims: [batch, 3, 8, 8]}]
  outputs: [{name: logits, dims: [batch, 3], meaning: Raw scores.}]
  dims: {batch: {}}
"""
EXPECTED = "- {expectation: expect_rows_inside_shards, table: index}\n"
TASK = "def build(config):\n    return None\n"


@pytest.fixture
def whole(model: Model) -> Model:
    """The model with everything that it needs."""
    for name, text in {"model.yaml": DECLARED, "expectations.yaml": EXPECTED, "task.py": TASK}.items():
        (model.folder / name).write_text(text)
    return model


def test_the_shipped_models_are_whole() -> None:
    shipped = [model for name, model in installed_models().items() if model.package.startswith("slipway.")]
    assert len(shipped) >= 3
    assert {model.name: examine(model) for model in shipped} == {model.name: [] for model in shipped}


def test_a_whole_model_has_no_findings(whole: Model) -> None:
    assert examine(whole) == []


@pytest.mark.parametrize(
    ("harm", "part", "said"),
    [
        (lambda folder: (folder / "model.yaml").write_text("name: [\n"), "declaration", "no YAML"),
        (lambda folder: (folder / "expectations.yaml").unlink(), "expectations", "does not exist"),
        (lambda folder: (folder / "expectations.yaml").write_text("- {expectation: x}\n"), "expectations", "line 1"),
        (lambda folder: (folder / "conf/network/base.yaml").write_text("widht: 1\n"), "configs", "network=base: "),
        (lambda folder: (folder / "task.py").unlink(), "task", "does not exist"),
        (lambda folder: (folder / "task.py").write_text("def build(:\n"), "task", "task.py:1: this is no Python"),
        (lambda folder: (folder / "task.py").write_text("def make(config): ...\n"), "task", "no `def build"),
    ],
)
def test_what_is_broken_is_told_with_its_part(
    whole: Model, harm: Callable[[Path], object], part: str, said: str
) -> None:
    harm(whole.folder)
    (finding,) = examine(whole)
    assert (finding.part, finding.blocking) == (part, True)
    assert said in finding.message


def test_an_owner_whom_nobody_knows_is_a_warning(whole: Model) -> None:
    (finding,) = examine(whole, People((Person(name="ada"), Person(name="benn")), "people.toml"))
    assert (finding.part, finding.blocking, finding.mend) == ("people", False, "Did you mean `benn`?")
    assert "`value.owner` is `ben`" in finding.message


def test_the_command_lists_shows_and_checks(whole: Model, tmp_path: Path) -> None:
    script = str(Path(sys.executable).parent / "slipway")
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path), **coverage}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [script, "models", *arguments], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )

    assert "patch-colour" in run().stdout
    assert "Colours named (ben)" in run("show", "patch-colour").stdout
    good = run("check", "patch-colour")
    assert (good.returncode, good.stdout) == (0, "patch-colour: ok\n")
    whole.file.write_text("name: [\n")
    bad = run("check", "patch-colour")
    assert (bad.returncode, bad.stdout) == (1, "patch-colour: failed\n")
    assert "model.yaml:2: this is no YAML" in bad.stderr
    assert "cannot be read" in run().stdout
    wrong = run("show", "patch-color")
    assert (wrong.returncode, "Did you mean `patch-colour`?" in wrong.stderr) == (2, True)
