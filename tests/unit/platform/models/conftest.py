"""A declaration on disk that tests change, and a distribution of somebody else that brings models."""

from collections.abc import Callable
from pathlib import Path

import pytest

WHOLE = """\
name: gate-plates
owner: ada
team: perception
purpose: Read what a gate needs to know.
risk:
  class: limited
  reasons:
    - It decides about a barrier and a person can always open it.
value:
  kpi: Seconds at the gate
  owner: ben
retrain:
  on: [data, schedule]
  schedule: "0 3 * * 1"
data:
  where:
    camera: [gate, exit]
devices:
  edge-cpu:
    variants: [int8-cpu, fp32]
    latency_ms: 20
    memory_mb: 200
    size_mb: 4
gates:
  floors:
    - {metric: accuracy, least: 0.9}
    - {metric: accuracy, least: 0.8, column: light, slice: night}
  worst_slice:
    - {least: 0.7}
export:
  inputs:
    - {name: images, dims: [batch, 3, 64, 64]}
  outputs:
    - {name: logits, dims: [batch, 2], meaning: Raw scores., labels: [free, taken]}
  dims:
    batch: {least: 1, usual: 4, most: 16}
"""


@pytest.fixture
def declared(tmp_path: Path) -> Callable[..., Path]:
    """Write a good declaration in which one text is replaced by another."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in WHOLE
        path = tmp_path / "model.yaml"
        path.write_text(WHOLE.replace(old, new, 1) if old else WHOLE)
        return path

    return write


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a package with models that a distribution on the path declares; importing it would fail."""
    root = tmp_path / "site"
    folder = root / "gates"
    about = root / "gates-1.dist-info"
    for made in (folder / "gate_plates", about):
        made.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: gates\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[slipway.models]\ngates = gates\n")
    (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (folder / "gate_plates" / "model.yaml").write_text(WHOLE)
    monkeypatch.syspath_prepend(root)
    return folder
