"""Synthetic evaluations of a bundle that nobody has to run, and a declaration that they are held against."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from slipway.platform.models.schema import Declaration
from slipway.platform.registry.verdict import Checked
from slipway.serving.bundle.manifest import Manifest
from slipway.training.evaluation.judged import Evaluation, Measure, Slice
from slipway.training.gates.evidence import DataSaid, Evidence, Facts, Lineage
from slipway.training.gates.judging import checks_of
from slipway.training.gates.records import CHECKPOINT, Cost, HeadDifference, Report

BUNDLE, RUN, SNAPSHOT = "a" * 64, "r1-" + "b" * 64, "c" * 64
CONTRACT = {
    "inputs": [{"name": "images", "dims": ["batch", 3, 64, 64]}],
    "outputs": [{"name": "logits", "dims": ["batch", 2], "meaning": "Scores."}],
    "dims": {"batch": {"least": 1, "usual": 2, "most": 8}},
}
EDGE = {"variants": ["int8-cpu", "fp32"], "batch": 2, "latency_ms": 20.0, "memory_mb": 200.0, "size_mb": 1.0}
METRICS = {"accuracy": 0.9, "calibration_error": 0.05}
SLICES = {
    ("light", "day"): (0.92, 300), ("light", "night"): (0.88, 100), ("site", "harbour"): (0.5, 10),
}  # fmt: skip

MakeEvaluation = Callable[..., Evaluation]
MakeEvidence = Callable[..., Evidence]
MakeFacts = Callable[..., Facts]
Declare = Callable[..., Declaration]
Find = Callable[[Declaration, Facts, str], list[Checked]]


@pytest.fixture
def evaluation() -> MakeEvaluation:
    """`evaluation(night=0.7)`: all as it should be, but for what is said."""

    def make(night: float = 0.88, day: float = 0.92, **metrics: float) -> Evaluation:
        values = {**SLICES, ("light", "night"): (night, 100), ("light", "day"): (day, 300)}
        return Evaluation(
            headline="accuracy",
            overall={name: Measure(value=one, units=400) for name, one in {**METRICS, **metrics}.items()},
            slices=tuple(
                Slice(column=column, name=name, measures={"accuracy": Measure(value=value, units=units)})
                for (column, name), (value, units) in values.items()
            ),
            falling=("calibration_error",),
        )

    return make


@pytest.fixture
def evidence(evaluation: MakeEvaluation) -> MakeEvidence:
    """A bundle with fp32 and int8-cpu, each as its checkpoint is, unless a keyword says otherwise."""

    def make(
        *,
        checkpoint: Evaluation | None = None,
        external: bool = False,
        manifest: Mapping[str, Any] | None = None,
        samples: Mapping[str, Any] | None = None,
        report: Mapping[str, Any] | None = None,
        **variants: Evaluation,
    ) -> Evidence:
        said = {"fp32": evaluation(), "int8-cpu": evaluation()}
        said |= {name.replace("_", "-"): one for name, one in variants.items()}
        if not external:
            said = {CHECKPOINT: checkpoint or evaluation(), **said}
        close = {"logits": HeadDifference(greatest=1e-6, usual=1e-6, golden=1e-6)}
        told = Report(
            bundle=BUNDLE,
            rows=400,
            variants=tuple(said),
            heads={"fp32": close, "int8-cpu": close},
            costs=tuple(
                Cost(device="edge-cpu", variant=one, batch=2, calls=60, p50_ms=3, p95_ms=5, memory_mb=90)
                for one in ("fp32", "int8-cpu")
            ),
        )
        return Evidence(
            bundle=BUNDLE,
            manifest=Manifest.model_validate({**_manifest(external=external), **(manifest or {})}),
            report=told.model_copy(update=dict(report or {})),
            evaluations=said,
            samples=samples or {},
            files={f"evaluation.{one}.json": "9" * 64 for one in said},
        )

    return make


@pytest.fixture
def facts(evidence: MakeEvidence) -> MakeFacts:
    """All that is judged, with nothing to be said against it."""

    def make(candidate: Evidence | None = None, **changed: Any) -> Facts:
        fields = {
            "candidate": candidate or evidence(),
            "lineage": Lineage(known=True, snapshots=(SNAPSHOT,)),
            "data": DataSaid(SNAPSHOT, found=True, passed=True),
        }
        return Facts(**{**fields, **changed})

    return make


@pytest.fixture
def declare() -> Declare:
    """`declare(floors=[…])`: a model with these gates."""

    def make(*, devices: Mapping[str, Any] | None = None, **gates: Any) -> Declaration:
        return Declaration.model_validate(
            {
                "name": "tiny", "owner": "ada", "team": "perception", "purpose": "To be judged.",
                "risk": {"class": "minimal", "reasons": ["It decides nothing."]},
                "value": {"kpi": "None", "owner": "ben"},
                "devices": devices or {"edge-cpu": EDGE}, "gates": gates, "export": CONTRACT,
            }
        )  # fmt: skip

    return make


@pytest.fixture
def checks() -> Find:
    """The checks of one gate."""

    def find(declaration: Declaration, facts: Facts, gate: str) -> list[Checked]:
        return [one for one in checks_of(declaration, facts) if one.gate == gate]

    return find


def _manifest(*, external: bool) -> dict[str, Any]:
    lineage = {"origin": "a vendor"} if external else {"run_key": RUN, "snapshot": SNAPSHOT, "weights": "d" * 64}
    files = {f"model.{one}.onnx": {"sha256": "e" * 64, "size": 500_000} for one in ("fp32", "int8-cpu")}
    return {
        "model": "tiny", "lineage": lineage, "contract": CONTRACT, "devices": {"edge-cpu": EDGE}, "files": files,
        "variants": {one: {"file": f"model.{one}.onnx", "opset": 20} for one in ("fp32", "int8-cpu")},
    }  # fmt: skip
