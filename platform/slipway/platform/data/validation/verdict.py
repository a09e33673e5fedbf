"""What validation says: a verdict of findings, each with the rows that it is about.

A verdict is plain data. It is stored and printed as JSON, and holds nothing of the library that found it. `rows` are at
most `ROWS` of the failing ones; `failed` counts them all.
"""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from slipway.platform.canonical import canonical

ROWS: Final = 50
SHOWN: Final = 3
SHORT: Final = 12


class Severity(StrEnum):
    """Whether a failed expectation stops the flow."""

    BLOCKING = "blocking"
    WARNING = "warning"


class Part(BaseModel):
    """A frozen piece of the verdict; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RowRef(Part):
    """A row that fails, where its image is, and what is wrong with it."""

    table: str
    row: int
    sample: str | None = None
    shard: str | None = None
    fault: str | None = None

    def text(self) -> str:
        """The row as a person looks it up."""
        shard = f" (shard {self.shard[:SHORT]})" if self.shard else ""
        return f"{self.table} row {self.row}{shard}"


class Finding(Part):
    """The outcome of one expectation."""

    suite: str
    expectation: str
    table: str
    severity: Severity
    ok: bool
    checked: int
    failed: int
    observed: str
    expected: str
    rows: tuple[RowRef, ...] = ()
    sentence: str


class Verdict(Part):
    """All findings on one snapshot, and what was judged by what."""

    snapshot: str
    suites: str
    previous: str | None
    code: str
    judged_at: str
    findings: tuple[Finding, ...]

    def failed(self, severity: Severity) -> tuple[Finding, ...]:
        """What did not hold, of one severity."""
        return tuple(one for one in self.findings if not one.ok and one.severity is severity)

    @property
    def passed(self) -> bool:
        """Nothing that blocks was found."""
        return not self.failed(Severity.BLOCKING)

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(self.model_dump(mode="json"))


def sentence_of(rows: tuple[RowRef, ...], observed: str, failed: int) -> str:
    """What a person reads of a failed expectation: what is wrong, with the first rows that it is about."""
    told = list(dict.fromkeys(row.fault for row in rows if row.fault))
    facts = "; ".join(told[:SHOWN]) or observed
    if not rows:
        return f"{facts}."
    places = ", ".join(row.text() for row in rows[:SHOWN])
    more = f" and {failed - SHOWN:,} more" if failed > SHOWN else ""
    return f"{facts}: {places}{more}."
