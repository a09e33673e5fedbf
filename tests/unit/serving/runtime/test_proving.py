"""The golden check: a session that answers as the exporter saw it is proven, any other is told apart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import small_onnx
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import VariantPart
from slipway.serving.runtime.proving import prove
from slipway.serving.runtime.session import Provider, open_session


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A sound one."""
    return small_onnx.bundle(tmp_path / "bundle")


class Answering:
    """A session on a device that is not as it should be."""

    providers: Sequence[Provider] = ("cpu",)

    def __init__(self, answer: npt.NDArray[Any]) -> None:
        self._answer = answer

    def run(self, inputs: Any) -> dict[str, Any]:
        assert inputs.keys() == {"images"}
        return {"logits": self._answer}

    def close(self) -> None:
        """Nothing is held."""


def test_the_exported_model_is_proven(bundle: Bundle) -> None:
    session = open_session(bundle.path("fp32"), bundle.manifest.contract)
    assert prove(bundle, "fp32", session) == []


def test_another_model_is_not(tmp_path: Path, bundle: Bundle) -> None:
    other = small_onnx.bundle(tmp_path / "other", seed=1)
    session = open_session(other.path("fp32"), other.manifest.contract)
    (problem,) = prove(bundle, "fp32", session)
    assert "from the golden answer at [" in problem
    assert "0.001 is allowed" in problem


GOLDEN = small_onnx.answers(small_onnx.images())


def changed(by: float) -> npt.NDArray[np.float32]:
    found = GOLDEN.copy()
    found[1, 0] += by
    return found


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (changed(0.0005), None),
        (changed(0.01), "from the golden answer at [1, 0]"),
        (changed(float("nan")), "is nan from the golden answer at [1, 0]"),
        (changed(float("inf")), "is inf from"),
        (GOLDEN.astype(np.float64), "is float64 [2, 2], the golden answer is float32 [2, 2]"),
        (GOLDEN[:1], "is float32 [1, 2]"),
    ],
)
def test_how_far_answers_may_be_apart(bundle: Bundle, answer: npt.NDArray[Any], said: str | None) -> None:
    found = prove(bundle, "fp32", Answering(answer))
    assert [said in one for one in found if said] == ([True] if said else [])
    assert len(found) == (1 if said else 0)


def test_where_no_tolerance_is_said_answers_are_equal(tmp_path: Path) -> None:
    part = VariantPart(file="model.fp32.onnx", opset=small_onnx.OPSET)
    strict = small_onnx.bundle(tmp_path / "strict", variants={"fp32": part})
    assert prove(strict, "fp32", Answering(GOLDEN)) == []
    assert len(prove(strict, "fp32", Answering(changed(1e-3)))) == 1


def test_a_session_that_fails_proves_nothing(bundle: Bundle) -> None:
    session = open_session(bundle.path("fp32"), bundle.manifest.contract)
    session.close()
    assert prove(bundle, "fp32", session) == ["model.fp32.onnx was closed."]
