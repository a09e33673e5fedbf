"""Which flows there are, and which steps each of them is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from slipway.pipelines.steps.step import ASKED
from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion

RETRAIN: Final = "retrain"
ROLLOUT: Final = "rollout"
INGEST: Final = "ingest"
CAUSE: Final = "cause"
TRAIN: Final = "train"
FLOWS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        RETRAIN: (CAUSE, "snapshot", "validate", TRAIN, "export", "gate", "register", "approve", "promote"),
        ROLLOUT: ("rollout",),
        "watch": ("watch",),
        INGEST: ("ingest",),
    }
)
"""The steps of each flow, in their order."""


def steps_of(flow: str, cause: str = ASKED) -> tuple[str, ...]:
    """The steps of the flow of that name; what somebody asks for needs no other cause."""
    if flow not in FLOWS:
        raise WrongUse(f"There is no flow `{flow}`.", mend=suggestion(flow, FLOWS))
    return tuple(step for step in FLOWS[flow] if step != CAUSE or cause != ASKED)
