"""A project with a model of its own: bay-occupancy under another name, with limits that little data can meet."""

import shutil
from pathlib import Path

import slipway.training.models.bay_occupancy as shipped

MODEL = "small-bays"
PACKAGE = "small_models"
FOLDER = "small_bays"
SHIPPED = "slipway.training.models.bay_occupancy"
ROOT = Path(__file__).parents[3]
DECLARATION = """\
name: small-bays
owner: ada
team: perception
purpose: Say from a patch of a camera image whether a parking bay is free or occupied.
risk:
  class: minimal
  reasons: [It looks at bays and decides nothing about people.]
value: {kpi: Minutes between driving in and parking, owner: ben}
data:
  where: {view: bay}
devices:
  edge-cpu: {runtime: cpu, variants: [int8-cpu, fp32], batch: 4, latency_ms: 2000, memory_mb: 2000, size_mb: 4}
gates:
  floors:
    - {metric: accuracy, least: 0.3}
  against_champion: {margin: 0.3, units: 1}
  robustness:
    - {distortion: darkness, strength: 0.9, most: 0.5}
  budgets: {when_unavailable: prove-on-device}
  parity: {heads: {fp32: 0.001}, metric: 0.2}
export:
  inputs:
    - {name: images, dims: [batch, 3, 64, 64], preprocessing: {resize: stretch, crop: box}}
  outputs:
    - {name: logits, dims: [batch, 2], meaning: Raw scores of each state., labels: [free, occupied]}
  dims:
    batch: {least: 1, usual: 4, most: 16}
  thresholds: {occupied: 0.5}
"""


def make_project(root: Path, declaration: str = DECLARATION) -> Path:
    """The project's folder, which also goes onto the path of Python: there its package of models is."""
    model, about = root / PACKAGE / FOLDER, root / "small_models-1.dist-info"
    about.mkdir(parents=True)
    shutil.copytree(Path(shipped.__path__[0]), model, ignore=shutil.ignore_patterns("__pycache__"))
    for module in model.glob("*.py"):
        module.write_text(module.read_text().replace(SHIPPED, f"{PACKAGE}.{FOLDER}"))
    (root / PACKAGE / "__init__.py").touch()
    (model / "model.yaml").write_text(declaration)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: small-models\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[slipway.models]\nsmall = {PACKAGE}\n")
    (root / "slipway.toml").touch()
    (root / "requirements.lock").write_bytes((ROOT / "requirements.lock").read_bytes())
    return root
