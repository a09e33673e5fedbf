"""What is known of one bundle when the checks begin: its manifest and what its evaluation has left."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from slipway.serving.bundle.manifest import Manifest, Variant
from slipway.training.evaluation.judged import Evaluation
from slipway.training.gates.records import CHECKPOINT, PRECISE_FIRST, Report, evaluation_file


@dataclass(frozen=True)
class Evidence:
    """One bundle, evaluated."""

    bundle: str
    manifest: Manifest
    report: Report
    evaluations: Mapping[str, Evaluation]
    """By variant, and of the checkpoint."""
    samples: Mapping[str, pa.Table] = field(default_factory=dict)
    """What was judged, by variant."""
    work: str = ""
    """The work key of the evaluation."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The sha256 of each file of its result."""

    @property
    def variants(self) -> tuple[Variant, ...]:
        """Those of the bundle that were judged."""
        return tuple(one for one in PRECISE_FIRST if one in self.evaluations)

    @property
    def preferred(self) -> str | None:
        """The variant that the first device class likes best, of those that were judged."""
        liked = (one for device in self.manifest.devices.values() for one in device.variants)
        return next((one for one in (*liked, *self.variants) if one in self.evaluations), None)

    @property
    def reference(self) -> str | None:
        """What variants are held against: the checkpoint, else the most precise; None where there is nothing."""
        names = [CHECKPOINT, *PRECISE_FIRST]
        return next((one for one in names if one in self.evaluations), None)

    def proof(self, *names: str) -> dict[str, str]:
        """Files of the result that show it, with their sha256."""
        return {name: self.files[name] for name in names if name in self.files}

    def proof_of(self, variant: str) -> dict[str, str]:
        """The judgement of a variant."""
        return self.proof(evaluation_file(variant))


@dataclass(frozen=True)
class Lineage:
    """What is known of what a bundle's weights have seen."""

    known: bool
    """Whether all of it is: nobody knows what weights from elsewhere have seen."""
    why: str = ""
    """Why not."""
    snapshots: tuple[str, ...] = ()
    """Digests of the snapshots that it and its ancestors trained on, its own first."""
    seen: Mapping[str, str] = field(default_factory=dict)
    """Samples of the evaluation that it has seen, or whose individual or day it has; with what that is."""


@dataclass(frozen=True)
class DataSaid:
    """What validation says of the snapshot that a bundle was trained on."""

    snapshot: str | None
    found: bool = False
    suites: frozenset[str] = frozenset()
    """The names of all suites that it was held against."""
    passed: bool = False
    warnings: int = 0
    failures: tuple[str, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Compared:
    """A variant held against the champion's, on the same draws of the same rows."""

    variant: str
    against: str
    """The champion's variant."""
    metric: str
    first: float | None
    """The champion's value."""
    second: float | None
    low: float | None
    """Of the interval of the difference, the candidate's less the champion's, turned so that more is better."""
    high: float | None
    units: int


@dataclass(frozen=True)
class Facts:
    """All that is judged."""

    candidate: Evidence
    lineage: Lineage
    data: DataSaid
    champion: Evidence | None = None
    compared: tuple[Compared, ...] = ()
    incomparable: str = ""
    """Why the two could not be compared, where they could not."""
    total: int = 0
    """Units that are judged."""
    dropped: int = 0
    """Units that either lineage has seen."""
    all_known: bool = True
    """Whether both lineages are known as a whole."""
