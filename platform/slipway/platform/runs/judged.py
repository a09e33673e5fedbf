"""The figure of a judgement that counts, in words."""

from collections.abc import Mapping
from typing import Any


def headline(evaluation: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The metric that counts: its value with its interval, and how far it is from the baseline's."""
    judged = evaluation.get("evaluation", {})
    name = judged.get("headline")
    if name is None:
        return None
    differences = [one for one in evaluation.get("differences", ()) if one["metric"] == name and not one.get("column")]
    return {
        "metric": name,
        "split": evaluation.get("split", "test"),
        **judged["overall"][name],
        "baseline": differences[0] if differences else None,
    }


def measure(told: Mapping[str, Any], sign: str = "") -> str:
    """A value with its interval."""
    if told.get("value") is None:
        return "not defined"
    interval = ""
    if told.get("low") is not None and told.get("high") is not None:
        interval = f" (95 % from {told['low']:{sign}.4f} to {told['high']:{sign}.4f})"
    return f"{told['value']:{sign}.4f}{interval}"
