"""What a variant costs is what it costs on a quiet machine."""

from pathlib import Path
from typing import Any

import pytest

from slipway.serving.runtime.measuring import Measured
from slipway.training.gates import costs

CALM, DISTURBED = (0.8, 1.0), (0.8, 25.0)


def rounds(monkeypatch: pytest.MonkeyPatch, *found: tuple[float, float]) -> tuple[Measured, int]:
    """What counts of these rounds (usual and slow calls), and how many were made."""
    left = list(found)

    def measure(*_: Any, **__: Any) -> Measured:
        usual, slow = left.pop(0)
        return Measured(usual, slow, 60, 1.0, 80.0, "onnxruntime", ("cpu",))

    monkeypatch.setattr(costs, "measure_apart", measure)
    contract: Any = None
    best = costs._quietest(Path("model.onnx"), contract, {}, lambda *_: None)
    return best, len(found) - len(left)


def test_the_quietest_of_three_rounds_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    best, made = rounds(monkeypatch, DISTURBED, CALM, DISTURBED, CALM)
    assert (best.p95_ms, made) == (1.0, 3)


def test_where_all_were_disturbed_more_are_made_until_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    best, made = rounds(monkeypatch, *[DISTURBED] * 4, CALM, DISTURBED)
    assert (best.p95_ms, made) == (1.0, 5)


def test_what_is_slow_now_and_then_on_any_machine_is_measured_eight_times_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    best, made = rounds(monkeypatch, *[DISTURBED] * 20)
    assert (best.p95_ms, made) == (25.0, 8)
