"""What the proof of a release on a device says: one thing for the runtime that gives it and the agent that judges it.

It says what was found and judges nothing by the budget of a device class.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Proof:
    """What a release did on this device before it became active."""

    problems: tuple[str, ...]
    """Of golden answers, or of running at all; none where it answers as it should."""
    provider: str
    """What really ran it."""
    runtime: str = ""
    """Such as `onnxruntime 1.31.1`."""
    p95_ms: float = 0.0
    memory_mb: float = 0.0
    load_ms: float = 0.0
