"""Which decisions a device keeps as samples for labelling: what the channel's signed policy asks for.

A pure function of the policy and the decision, so that two devices with the same frame and id decide alike, and nobody
can ask for more pictures than the holder of the rollout key has signed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from slipway.serving.channel.pointer import Sampling

SPREAD: Final = 1 << 32


@dataclass(frozen=True)
class Decision:
    """What sampling needs to know of one."""

    id: str
    confidence: float | None
    """Of the answer that was given, 0 to 1; None where the model has no such number."""
    novelty: float
    """How far it lies outside of the reference, in the reference's own width."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """What goes with a sample of it: the stream, the answer, the site's configuration that it was taken by."""


def why_sampled(policy: Sampling, decision: Decision, taken_today: int) -> str | None:
    """The reason to keep it; None where it is not kept."""
    if taken_today >= policy.per_day:
        return None
    below, above = policy.confidence_below, policy.novelty_above
    if below is not None and decision.confidence is not None and decision.confidence < below:
        return "low confidence"
    if above is not None and decision.novelty > above:
        return "novel"
    drawn = int.from_bytes(hashlib.sha256(decision.id.encode()).digest()[:4], "big")
    return "share" if drawn < policy.share * SPREAD else None
