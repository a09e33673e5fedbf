"""What changed since the champion: data, code, config, lock, and every metric in every slice.

Both are compared by what their run keys are made of, and by the evaluations that the verdict rests on, which are of the
same rows. Of a bundle that came from outside only the evaluation is known, and that is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.registry.artefact import preferred
from slipway.platform.registry.bundles import load_bundle
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.evidence import Evidence
from slipway.platform.registry.finding import Picked
from slipway.platform.registry.records import VersionRecord, load_version
from slipway.platform.registry.verdicts import load_verdict, verdicts_of
from slipway.platform.runs.comparing.differences import Difference, Kind, differences
from slipway.platform.runs.comparing.measured import Measured, measured
from slipway.platform.runs.find import load_parts

if TYPE_CHECKING:
    from slipway.platform.data.diff import Difference as DataDifference
    from slipway.platform.registry.verdict import Verdict
    from slipway.platform.runs.parts import Parts

TOLD: Final = (
    "images before", "images after", "images added", "images removed", "images relabelled", "boxes added",
    "boxes removed", "boxes moved", "identities added", "identities removed",
)  # fmt: skip
"""Numbers of a data difference that everybody wants to see."""


@dataclass(frozen=True)
class Review:
    """What a reviewer looks at. Values before are the champion's, after the version's."""

    picked: Picked
    champion: VersionRecord | None
    """None where there is none, or where the version is it."""
    verdict: "Verdict | None"
    differences: tuple[Difference, ...] = ()
    data: Mapping[str, int] = field(default_factory=dict)
    """The difference of the snapshots in numbers."""
    metrics: tuple[Measured, ...] = ()
    """Of the champion and of the version, in this order; of the version alone where there is no champion."""
    variants: tuple[str, ...] = ()
    """Which variant the metrics are of, the champion's first."""
    evidence: tuple[Evidence, ...] = ()
    unknown: tuple[str, ...] = ()
    """What cannot be said, a sentence each."""

    def of(self, part: Kind) -> list[Difference]:
        """Differences of one part."""
        return [one for one in self.differences if one.part is part]

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "version": self.picked.name,
            "champion": f"{self.champion.model}/{self.champion.number}" if self.champion else None,
            "verdict": self.verdict.key if self.verdict else None,
            "differences": [
                {"part": one.part, "name": one.name, "change": one.change, "before": one.before, "after": one.after}
                for one in self.differences
            ],
            "data": dict(self.data),
            "variants": list(self.variants),
            "metrics": [
                {
                    "metric": one.metric,
                    "column": one.column,
                    "slice": one.slice,
                    "values": list(one.values),
                    "better": one.better(1) if len(one.values) > 1 else None,
                }
                for one in self.metrics
            ],
            "unknown": list(self.unknown),
        }


def review(desk: Desk, picked: Picked) -> Review:
    """Compare the version with today's champion."""
    bundle = picked.standing.champion
    champion = load_version(desk.store, bundle) if bundle and bundle != picked.record.bundle else None
    verdict, unknown = _verdict(desk, picked)
    found = _Comparison(desk, picked.record, champion, verdict, unknown)
    parts = found.parts()
    metrics, variants, evidence = found.metrics()
    return Review(
        picked=picked,
        champion=champion,
        verdict=verdict,
        differences=tuple(differences(*parts)) if parts else (),
        data=found.data(parts),
        metrics=tuple(metrics),
        variants=variants,
        evidence=evidence,
        unknown=tuple(unknown),
    )


def _verdict(desk: Desk, picked: Picked) -> tuple["Verdict | None", list[str]]:
    """The verdict that holds today, else the last one."""
    given = picked.version.verdict_against(picked.standing.champion) or picked.version.last
    try:
        return load_verdict(desk.store, desk.people, given.key if given else picked.record.verdict), []
    except SlipwayError as error:
        return None, [str(error)]


@dataclass
class _Comparison:
    desk: Desk
    record: VersionRecord
    champion: VersionRecord | None
    verdict: "Verdict | None"
    unknown: list[str]

    def parts(self) -> "tuple[Parts, Parts] | None":
        """What both runs are made of, the champion's first."""
        if self.champion is None:
            return None
        found = [self._parts(one) for one in (self.champion, self.record)]
        before, after = found
        return (before, after) if before and after else None

    def _parts(self, record: VersionRecord) -> "Parts | None":
        if record.run_key is None:
            self.unknown.append(
                f"{record.model}/{record.number} came from outside ({record.origin}): its data, code, config and lock "
                "are not known."
            )
            return None
        try:
            return load_parts(self.desk.store, record.run_key)
        except SlipwayError as error:
            self.unknown.append(str(error))
            return None

    def data(self, parts: "tuple[Parts, Parts] | None") -> Mapping[str, int]:
        """The difference of the two snapshots, row by row where their tables can be had."""
        if parts is None or parts[0].snapshot == parts[1].snapshot:
            return {}
        try:
            found = snapshot_difference(self.desk, *(one.snapshot for one in parts))
        except SlipwayError as error:
            self.unknown.append(f"What differs between the two snapshots: {error}")
            return {}
        kept = {name: found.counts[name] for name in TOLD}
        return kept | {name: count for name, count in found.counts.items() if name.endswith("changed")}

    def metrics(self) -> tuple[Sequence[Measured], tuple[str, ...], tuple[Evidence, ...]]:
        """Both judgements of the preferred variants on the rows of the verdict."""
        if self.verdict is None:
            return (), (), ()
        records = [self.record] if self.champion is None else [self.champion, self.record]
        judgements, variants, evidence = [], [], []
        for one in records:
            variant = preferred(load_bundle(self.desk.store, one.bundle).manifest)
            there = self._evidence(self.verdict, one.bundle)
            judgements.append(there.judgement(variant))
            variants.append(variant)
            evidence.append(there)
        if not judgements[-1]:
            self.unknown.append("The evaluations that the verdict rests on are not in this store.")
            return (), (), ()
        if len(judgements) > 1 and not judgements[0]:
            self.unknown.append("Today's champion was not evaluated on the same rows, so the two cannot be compared.")
        return measured(judgements), tuple(variants), tuple(evidence)

    def _evidence(self, verdict: "Verdict", bundle: str) -> Evidence:
        """By the verdict, else by one on that bundle itself: an evaluation is of a bundle and a snapshot."""
        others = verdicts_of(self.desk.store, self.desk.people, bundle)
        for one in (verdict, *(other for other in others if other.snapshot == verdict.snapshot)):
            if one.work.get(bundle):
                return Evidence.of(self.desk.store, one, bundle)
        return Evidence(self.desk.store, None)


def snapshot_difference(desk: Desk, before: str, after: str) -> "DataDifference":
    """What differs between two snapshots; their tables are fetched, not their images."""
    from slipway.platform.data.diff import diff
    from slipway.platform.data.reference import resolve
    from slipway.platform.data.snapshot import Snapshot

    first, second = (Snapshot(resolve(one, desk.loaded)) for one in (before, after))
    return diff(first, second)


def differing(review: Review) -> Iterator[tuple[str, str, str, str]]:
    """Rows for a table: part, what, before, after; code and lock last, data apart."""
    from slipway.platform.runs.comparing.report import value_text

    for one in review.differences:
        yield one.part.value, one.name, value_text(one.before) or "-", value_text(one.after) or "-"
