"""An evaluation meets models that would take its machine down: in another process first, so they are findings."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

import small_onnx
from slipway.platform.runs.journal import Journal
from slipway.training.gates import evaluating
from slipway.training.gates.evaluating import Evaluating, Telling
from slipway.training.gates.records import REPORT, Asked, Device, Report


@pytest.mark.parametrize("devices", [{}, {"edge-cpu": Device(runtime="cpu", variants=("fp32",), batch=2)}])
def test_a_model_that_wants_all_memory_is_unfit_and_never_opened_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, devices: dict[str, Device]
) -> None:
    def opened(*_: object) -> object:
        raise AssertionError("it was opened here")

    monkeypatch.setattr(evaluating, "open_session", opened)
    bundle = small_onnx.bundle(tmp_path / "bundle")
    bundle.path("fp32").write_bytes(small_onnx.exhausting().SerializeToString())
    (tmp_path / "results").mkdir()
    given = Evaluating(
        bundle,
        cast("Any", None),
        cast("Any", None),
        cast("Any", SimpleNamespace(rows=pa.table({"sample": ["s1"]}), count=1)),
        Asked(devices=devices),
        tmp_path / "results",
        Telling(Journal(tmp_path / "journal")),
    )
    given.all()
    report = Report.model_validate_json((tmp_path / "results" / REPORT).read_bytes())
    assert report.variants == ()
    assert "memory" in report.unfit["fp32"] or "more than" in report.unfit["fp32"]
