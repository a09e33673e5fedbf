"""A verdict: the signed, stored result of all gates on a bundle.

It is named by what it is about: bundle, champion, evaluation snapshot, gates and gate code. Whoever judges the same
again gets the verdict that stands. It is signed by a holder of the role gate-service and lies at
`verdicts/<key>.json`; nothing but a signed verdict counts.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Final, Literal

from pydantic import AwareDatetime, Field

from slipway.platform.canonical import canonical
from slipway.platform.runs.records import Record, StoredFile

PAYLOAD: Final = "application/vnd.slipway.verdict+json"
"""What a verdict is signed as."""
FOLDER: Final = "verdicts"

State = Literal["passed", "failed", "prove-on-device"]
"""`prove-on-device` is left to the device that is about to run it."""
Gate = Literal[
    "floor", "against-champion", "worst-slice", "gap", "calibration", "robustness",
    "latency", "memory", "size", "parity", "rank-flips", "data", "leakage", "engine",
]  # fmt: skip


class Checked(Record):
    """The outcome of one check."""

    gate: Gate
    name: str
    """In words, unique within the verdict: `accuracy at night, int8-cpu`."""
    state: State
    value: float | None = None
    limit: float | None = None
    sense: Literal["least", "most"] = "least"
    low: float | None = None
    """Of the interval, where there is one."""
    high: float | None = None
    units: int | None = None
    """How many units it was measured on."""
    variant: str | None = None
    device: str | None = None
    """The device class."""
    column: str | None = None
    slice: str | None = None
    sentence: str
    """What a person reads: what was measured, what was expected."""
    evidence: Mapping[str, str] = {}
    """Where it can be looked up: names of files with their sha256, or keys of work."""


class Rows(Record):
    """On how many rows two models were compared."""

    total: int
    dropped: int = 0
    """Rows that either lineage has trained on."""


class Verdict(Record):
    """What the gates say of a bundle."""

    model: str
    bundle: str
    champion: str | None = None
    """The champion's bundle that it was held against; None where there was none."""
    snapshot: str
    """Digest of the evaluation snapshot."""
    gates: str
    """sha256 of the canonical declaration: gates, devices and contract."""
    code: str
    """Digest of the gates' code."""
    checks: tuple[Checked, ...] = Field(min_length=1)
    rows: Rows | None = None
    work: Mapping[str, str] = {}
    """Work keys of the evaluations, by bundle digest."""
    page: StoredFile | None = None
    """The HTML page, in `results/`."""
    judged_at: AwareDatetime

    @cached_property
    def key(self) -> str:
        """The verdict's name."""
        return verdict_key(
            bundle=self.bundle, champion=self.champion, snapshot=self.snapshot, gates=self.gates, code=self.code
        )

    @property
    def passed(self) -> bool:
        """Nothing failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Checked, ...]:
        """What did."""
        return tuple(one for one in self.checks if one.state == "failed")

    def to_bytes(self) -> bytes:
        """Canonical JSON: the payload that is signed."""
        return canonical(self.model_dump(mode="json"))


def verdict_key(*, bundle: str, champion: str | None, snapshot: str, gates: str, code: str) -> str:
    """The name of the verdict on these."""
    named = {"bundle": bundle, "champion": champion, "snapshot": snapshot, "gates": gates, "code": code}
    return hashlib.sha256(canonical(named)).hexdigest()
