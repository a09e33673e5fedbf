"""The model card of a version: what it is for, what it was made of, how it was judged, who answers for it.

Everything comes from record, manifest, verdict, ledger and the evaluations in the store, so the card is the same
whoever makes it. What is not known is said. An override stands above everything else.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.ledger.describing import plain
from slipway.platform.registry.artefact import preferred
from slipway.platform.registry.bundles import Kept, load_bundle
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.evidence import Evidence
from slipway.platform.registry.pages import Page, Section, Table
from slipway.platform.registry.records import VersionRecord, lineage_of
from slipway.platform.registry.standing import ModelStanding, VersionStanding
from slipway.platform.registry.verdicts import load_verdict
from slipway.platform.runs.comparing.measured import Measured, measured

if TYPE_CHECKING:
    from slipway.platform.ledger.entry import Written
    from slipway.platform.registry.verdict import Checked, Verdict

DIGITS: Final = 12
UNKNOWN: Final = "not known"


def card_of(desk: Desk, record: VersionRecord, standing: ModelStanding) -> Page:
    """The card as it is now."""
    version = standing.versions.get(record.bundle)
    kept = load_bundle(desk.store, record.bundle)
    verdict, trouble = _verdict(desk, record, version)
    evidence = Evidence.of(desk.store, verdict, record.bundle) if verdict else Evidence(desk.store, None)
    return Page(
        f"{record.model} / {record.number}",
        f"{state_of(standing, record.bundle)} · bundle {record.bundle[:DIGITS]} · {record.risk} risk",
        tuple(_alarms(version, trouble)),
        (
            _purpose(record),
            _approvals(version),
            _metrics(evidence, preferred(kept.manifest)),
            _gates(verdict),
            _data(desk, kept),
            _variants(kept, evidence),
            _limits(kept, verdict, record),
            _lineage(record, kept),
        ),
    )


def state_of(standing: ModelStanding, bundle: str) -> str:
    """Champion, challenger, or where the version stands."""
    if bundle == standing.champion:
        return "champion"
    if bundle == standing.challenger:
        return "challenger"
    version = standing.versions.get(bundle)
    return version.state if version else "not in the ledger yet"


def said(written: "Written") -> str:
    """A decision in a line."""
    decision = written.entry.decision
    reason = f": {plain(decision.reason)}" if decision.reason else ""
    return f"{decision.actor}, {written.entry.at:%Y-%m-%d %H:%M} UTC (entry {written.entry.number}){reason}"


def _verdict(desk: Desk, record: VersionRecord, version: VersionStanding | None) -> tuple["Verdict | None", str | None]:
    """The last one on the bundle, and why it cannot be believed where it cannot."""
    key = version.last.key if version and version.last else record.verdict
    try:
        return load_verdict(desk.store, desk.people, key), None
    except SlipwayError as error:
        return None, str(error)


def _alarms(version: VersionStanding | None, trouble: str | None) -> Iterator[str]:
    for written in version.overrides if version else ():
        past = written.entry.decision.details.get("refused", "")
        yield f"OVERRIDE: made champion past a refusal ({past}) by {said(written)}"
    if version and version.quarantined:
        yield f"QUARANTINED by {said(version.quarantined)}"
    for written in version.rejections if version else ():
        yield f"REJECTED by {said(written)}"
    if trouble:
        yield trouble


def _purpose(record: VersionRecord) -> Section:
    return Section(
        "Purpose",
        record.reasons,
        fields={
            "purpose": record.purpose or UNKNOWN,
            "owner": record.owner or UNKNOWN,
            "team": record.team or UNKNOWN,
            "risk": f"{record.risk}: {record.needed} approval{'s' * (record.needed > 1)}",
            "origin": f"external: {record.origin}" if record.external else "trained here",
            "registered": f"{record.registered_by}, {record.at:%Y-%m-%d %H:%M} UTC",
        },
    )


def _approvals(version: VersionStanding | None) -> Section:
    if version is None:
        return Section("Approvals", ["The ledger does not tell of it yet."])
    words = (("approved by", version.approvals), ("rejected by", version.rejections), ("remark of", version.comments))
    text = [f"{word} {said(one)}" for word, several in words for one in several]
    text += [f"made champion by {said(one)}" for one in version.promotions]
    text += [f"refused: {said(one)}" for one in version.refusals]
    text += [f"alias put back by {said(one)}" for one in version.restorations]
    barred = f"May not approve: {', '.join(version.barred)}." if version.barred else ""
    counted = len(version.approvers(version.last.key)) if version.last else 0
    return Section("Approvals", [f"{counted} of {version.needed} on the last verdict. {barred}".strip(), *text])


def _metrics(evidence: Evidence, variant: str) -> Section:
    judged = evidence.judgement(variant)
    if not judged:
        return Section("Metrics", ["The evaluations that the verdict rests on are not in this store."])
    rows = [
        (one.metric, f"{one.column} {one.slice}".strip() or "all", value_text(one.values[0]), _units(one.values[0]))
        for one in shown_metrics(measured([judged]))
    ]
    return Section(
        "Metrics",
        [f"Of {variant} on the test split; in brackets where 95 of 100 repetitions would lie."],
        table=Table(("metric", "slice", "value", "units"), rows),
    )


def shown_metrics(found: Sequence[Measured]) -> list[Measured]:
    """The headline in every slice, everything else over all units."""
    return [one for one in found if one.headline or not one.column]


def value_text(value: Mapping[str, Any] | None) -> str:
    """A measure with its interval."""
    if value is None or value.get("value") is None:
        return "-"
    low, high = value.get("low"), value.get("high")
    interval = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
    return f"{value['value']:.3f}{interval}"


def _units(value: Mapping[str, Any] | None) -> str:
    return str(value.get("units", "")) if value else ""


def _gates(verdict: "Verdict | None") -> Section:
    if verdict is None:
        return Section("Gates", [UNKNOWN])
    against = f"against the champion {verdict.champion[:DIGITS]}" if verdict.champion else "no champion to compare with"
    rows = verdict.rows
    kept = f"; {rows.total - rows.dropped} of {rows.total} rows that neither lineage trained on" if rows else ""
    told = f"{'Passed' if verdict.passed else 'Failed'} on {verdict.judged_at:%Y-%m-%d %H:%M} UTC, {against}{kept}."
    order = {"failed": 0, "prove-on-device": 1, "passed": 2}
    checks = sorted(verdict.checks, key=lambda one: order[one.state])
    cells = [(one.state, one.gate, one.name, number(one.value), _limit(one)) for one in checks]
    return Section("Gates", [told], table=Table(("state", "gate", "check", "value", "limit"), cells))


def number(value: float | None) -> str:
    """A figure for people."""
    return "-" if value is None else f"{value:.4g}"


def _limit(one: "Checked") -> str:
    return "-" if one.limit is None else f"at {one.sense} {one.limit:.4g}"


def _data(desk: Desk, kept: Kept) -> Section:
    from slipway.platform.data.record import load_record

    lineage = kept.manifest.get("lineage", {})
    snapshot = lineage.get("snapshot")
    if not snapshot:
        return Section("Data", ["What it was trained on is not known: it came from outside."])
    fields = {"snapshot": str(snapshot)}
    if (found := load_record(desk.store, snapshot)) is not None:
        counts = ", ".join(f"{count:,} {name}" for name, count in found.manifest.counts.items())
        fields |= {"holds": counts, "licence": found.manifest.licence}
    if view := lineage.get("view"):
        fields["view"] = ", ".join(f"{name}: {value}" for name, value in view.items())
    return Section("Data", fields=fields)


def _variants(kept: Kept, evidence: Evidence) -> Section:
    rows = []
    for name, part in kept.manifest["variants"].items():
        file = kept.files[part["file"]]
        calibration = part.get("calibration")
        engine = part.get("engine")
        built = "not tried" if engine is None else "built" if engine["built"] else "FAILED"
        judged = evidence.judgement(name)
        headline = str(judged.get("headline", ""))
        rows.append(
            (
                name,
                f"{headline} {value_text(judged['overall'].get(headline))}" if judged else "-",
                f"{file.size / 1e6:.2f} MB",
                str(part["opset"]),
                f"{calibration['rows']} rows, {calibration['method']}" if calibration else "-",
                built,
                file.sha256[:DIGITS],
            )
        )
    return Section(
        "Variants", table=Table(("variant", "judged", "size", "opset", "calibrated on", "engine", "sha256"), rows)
    )


def _limits(kept: Kept, verdict: "Verdict | None", record: VersionRecord) -> Section:
    """What it may not be relied on for."""
    text = []
    for name, device in kept.manifest["devices"].items():
        asks = f"{', '.join(device['variants'])} on {device['runtime']}, {device['batch']} images at once"
        within = f"{device['latency_ms']:g} ms, {device['memory_mb']:g} MB of memory, {device['size_mb']:g} MB of file"
        text.append(f"{name}: {asks}, within {within}.")
    left = [one.name for one in verdict.checks if one.state == "prove-on-device"] if verdict else []
    text += [f"Left to the device to prove: {name}." for name in left]
    thresholds = kept.manifest["contract"].get("thresholds", {})
    text += [f"Threshold {name}: {value:g}." for name, value in thresholds.items()]
    if record.external:
        text.append(f"Its training data, code and config are unknown to us: it came from {record.origin}.")
    return Section("Limits", text)


def _lineage(record: VersionRecord, kept: Kept) -> Section:
    fields = dict(lineage_of(kept))
    fields |= {"bundle": record.bundle, "verdict": record.verdict}
    if record.revision:
        fields["revision"] = record.revision
    if record.trained_by:
        fields["trained by"] = ", ".join(record.trained_by)
    if record.answered_by:
        fields["answered for by"] = record.answered_by
    if record.written_by:
        fields["last written by"] = ", ".join(record.written_by)
    return Section("Lineage", fields=fields)
