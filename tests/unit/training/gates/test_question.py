"""What names a verdict: a lineage that is the run's own, and all the code that decides."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.models.finder import model_named
from slipway.platform.registry.bundles import Kept
from slipway.platform.runs.code.closure import Code, closure
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Result, StoredFile
from slipway.platform.store.directory import DirectoryStore
from slipway.serving.bundle.manifest import Lineage, Manifest
from slipway.training.export.planning import lineage_of
from slipway.training.gates import planning
from slipway.training.gates.question import check_lineage, check_pixels, declared

ROOT = next(one for one in Path(__file__).parents if (one / "requirements.lock").is_file())
FILE = {"sha256": "e" * 64, "size": 1}
DEVICE = {"variants": ["fp32"], "batch": 1, "latency_ms": 1, "memory_mb": 1, "size_mb": 1}
CONTRACT = {
    "inputs": [{"name": "images", "dims": [1, 3, 8, 8]}],
    "outputs": [{"name": "logits", "dims": [1, 2], "meaning": "Scores."}],
    "dims": {},
}


def trained(store: DirectoryStore) -> Lineage:
    """A training in the store, and what a bundle of it says."""
    parts = Parts(
        model="tiny", snapshot="a" * 64, view={"where": [], "tables": []}, code=(), config={}, lock=(), references={}
    )
    store.put(WorkKeys(parts.key).parts, parts.to_bytes())
    result = Result(
        key=parts.key, attempt=1, finished=datetime(2026, 1, 1, tzinfo=UTC), metrics={}, steps=1, seconds=1,
        files={"weights.safetensors": StoredFile(sha256="b" * 64, size=1)},
    )  # fmt: skip
    result.bind(store, WorkKeys(parts.key).result)
    return lineage_of(parts, result)


def kept(lineage: Lineage, *, contract: Mapping[str, Any] = CONTRACT, **changed: Any) -> Kept:
    said = {
        "model": "tiny", "lineage": lineage.model_copy(update=changed), "contract": contract,
        "devices": {"edge": DEVICE}, "variants": {"fp32": {"file": "m.onnx", "opset": 20}}, "files": {"m.onnx": FILE},
    }  # fmt: skip
    return Kept(Manifest.model_validate(said).to_bytes())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"weights": "c" * 64}, "whose weights is not what its manifest says"),
        ({"snapshot": "c" * 64, "view": {"where": 1}}, "whose snapshot, view are not what its manifest says"),
        ({"run_key": "r1-" + "c" * 64}, "which has no weights"),
    ],
)
def test_nobody_borrows_the_lineage_of_another_run(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    store = DirectoryStore(tmp_path)
    own = trained(store)
    check_lineage(kept(own), store)
    check_lineage(kept(Lineage(origin="a vendor")), store)
    with pytest.raises(WrongUse, match=told):
        check_lineage(kept(own, **changed), store)


def test_what_devices_would_see_otherwise_than_the_gates_is_refused() -> None:
    declaration = model_named("bay-occupancy").declaration
    declared = declaration.export.model_dump(mode="json")
    check_pixels(kept(Lineage(), contract=declared), declaration)
    declared["inputs"][0]["preprocessing"]["colour"] = "bgr"
    with pytest.raises(WrongUse, match="with colour bgr; bay-occupancy is judged with rgb"):
        check_pixels(kept(Lineage(), contract=declared), declaration)


def test_all_that_decides_is_part_of_a_verdicts_name(monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []

    def seen(*given: Any) -> Code:
        found = closure(*given)
        named.extend(one.path for one in found.files)
        return found

    monkeypatch.setattr(planning, "closure", seen)
    model = model_named("bay-occupancy")
    before = planning.gates_code(model, ROOT)
    deciding = ("evaluating", "judging", "comparing", "lineages", "validations")
    assert {f"slipway/training/gates/{one}.py" for one in deciding} <= {*named}
    monkeypatch.setattr(planning, "lock_of", lambda *_: ("onnxruntime==0.0.1",))
    assert planning.gates_code(model, ROOT) != before


def test_another_limit_is_another_verdict_and_no_other_evaluation() -> None:
    model = model_named("bay-occupancy")
    folder = "slipway/training/models/bay_occupancy/"
    named = {one.path for one in planning.code_of(model).files}
    assert f"{folder}model.yaml" not in named
    assert f"{folder}evaluation.py" in named
    gates = model.declaration.gates
    (floor, *more) = gates.floors
    lower = gates.model_copy(update={"floors": (floor.model_copy(update={"least": 0.1}), *more)})
    other = model.declaration.model_copy(update={"gates": lower})
    assert planning.asked_of(other) == planning.asked_of(model.declaration)
    assert declared(other) != declared(model.declaration)
