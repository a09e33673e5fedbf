"""The nodes: how each kind of thing is called, and which facts of it are told."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from slipway.platform.lineage.graph import Kind, Node
from slipway.platform.telling import duration

if TYPE_CHECKING:
    from slipway.platform.data.manifest import Manifest, Provenance
    from slipway.platform.data.validation.verdict import Verdict as DataVerdict
    from slipway.platform.ledger.entry import Written
    from slipway.platform.lineage.catalogue import Bundle, Run
    from slipway.platform.registry.records import VersionRecord
    from slipway.platform.registry.verdict import Verdict
    from slipway.platform.runs.parts import CodeFile
    from slipway.platform.runs.records import AttemptSpec, Outcome

SHORT: Final = 12


def short(digest: str) -> str:
    """A digest or key where space is short."""
    return digest[: SHORT + 3] if digest.startswith("r1-") else digest[:SHORT]


def many(count: int, what: str) -> str:
    """So many of them."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def told(**facts: object) -> dict[str, str]:
    """Facts that there are."""
    return {name.replace("_", " "): str(value) for name, value in facts.items() if value not in (None, "", (), {})}


def run(one: "Run") -> Node:
    """A piece of training work."""
    facts = told(key=one.key, model=one.model, revision=one.revision)
    return Node(Kind.RUN, one.key, f"{one.name} ({one.model})", facts)


def attempt(key: str, spec: "AttemptSpec", outcome: "Outcome | None") -> Node:
    """One execution: who, where, when, how it ended."""
    ended = f"{outcome.state} after {duration(outcome.seconds)}" if outcome else "no outcome"
    facts = told(
        by=spec.submitted_by,
        where=spec.place.where,
        target=spec.place.target,
        since=f"{spec.created:%Y-%m-%d %H:%M} UTC",
        why=spec.why,
        revision=spec.revision,
        ended=ended,
    )
    label = f"attempt {spec.number} by {spec.submitted_by} on {spec.place.where}, {spec.created:%Y-%m-%d}"
    return Node(Kind.ATTEMPT, f"{key}/{spec.number}", label, facts)


def snapshot(digest: str, manifest: "Manifest | None") -> Node:
    """A state of the data."""
    if manifest is None:
        return Node(Kind.SNAPSHOT, digest, f"snapshot {short(digest)}", told(digest=digest))
    counts = ", ".join(f"{count:,} {name}" for name, count in sorted(manifest.counts.items()))
    label = f"snapshot {short(digest)}, {many(manifest.counts.get('images', 0), 'image')}"
    return Node(Kind.SNAPSHOT, digest, label, told(digest=digest, holds=counts, licence=manifest.licence))


def rows(snapshot_digest: str, view: Mapping[str, object], view_key: str, counts: Mapping[str, int] | None) -> Node:
    """The part of a snapshot that a run learned from and was judged on."""
    where = view.get("where")
    chosen = (
        "; ".join(f"{column} is {' or '.join(values)}" for column, values in where)
        if isinstance(where, list | tuple)
        else ""
    )
    seen = ", ".join(f"{count:,} {split}" for split, count in sorted(counts.items())) if counts else ""
    label = f"rows: {seen or 'not counted here'}" + (f" where {chosen}" if chosen else "")
    return Node(Kind.ROWS, f"{snapshot_digest}/{view_key}", label, told(view=chosen or "all", images=seen))


def shard(digest: str, size: int) -> Node:
    """A file of images."""
    return Node(Kind.SHARD, digest, f"shard {short(digest)}", told(digest=digest, bytes=f"{size:,}"))


def source(one: "Provenance") -> Node:
    """Where a part of the data came from."""
    detail = {name: str(value) for name, value in one.detail.items()}
    return Node(Kind.SOURCE, f"{one.kind}/{one.source}", f"{one.kind}: {one.source}", told(kind=one.kind) | detail)


def sample(digest: str, row: Mapping[str, object]) -> Node:
    """One image."""
    names = ("site", "camera", "day", "light", "weather", "label_state", "legal_basis", "retention", "source", "split")
    label = f"sample {short(digest)}, {row['source']}"
    return Node(Kind.SAMPLE, digest, label, told(digest=digest, **{name: row.get(name) for name in names}))


def identity(name: str, row: Mapping[str, object]) -> Node:
    """An individual that is seen again."""
    facts = told(category=row.get("category"), split=row.get("split"), extra=row.get("extra"))
    return Node(Kind.IDENTITY, name, f"identity {name} ({row.get('category')})", facts)


def validation(key: str, verdict: "DataVerdict") -> Node:
    """A verdict on data."""
    failed = sum(not one.ok for one in verdict.findings)
    word = "passed" if verdict.passed else "failed"
    facts = told(verdict=word, findings=len(verdict.findings), not_held=failed or None, judged=verdict.judged_at)
    return Node(Kind.VALIDATION, key, f"validation {word}, {verdict.judged_at[:10]}", facts)


def code(digest: str, files: int) -> Node:
    """The code archive."""
    return Node(Kind.CODE, digest, f"code {short(digest)}, {many(files, 'file')}", told(digest=digest, files=files))


def file(one: "CodeFile") -> Node:
    """A file of code."""
    return Node(Kind.FILE, f"{one.path}@{short(one.sha256)}", one.path, told(sha256=one.sha256))


def commit(revision: str, dirty: bool = False) -> Node:  # noqa: FBT001, FBT002 - said of the work tree
    """A commit of git."""
    note = "the work tree differed" if dirty else None
    return Node(Kind.COMMIT, revision, f"commit {short(revision)}", told(commit=revision, note=note))


def bundle(one: "Bundle") -> Node:
    """An exported model."""
    foreign = one.origin if one.origin and not one.run else None
    label = f"bundle {short(one.digest)} ({one.model})" + (f", from {foreign}" if foreign else "")
    return Node(Kind.BUNDLE, one.digest, label, told(digest=one.digest, model=one.model, origin=one.origin))


def verdict(one: "Verdict") -> Node:
    """What the gates say."""
    word = "passed" if one.passed else "failed"
    against = short(one.champion) if one.champion else "no champion"
    facts = told(
        verdict=word,
        checks=len(one.checks),
        against=against,
        judged=f"{one.judged_at:%Y-%m-%d %H:%M} UTC",
        failures="; ".join(check.sentence for check in one.failures),
    )
    return Node(Kind.VERDICT, one.key, f"verdict {short(one.key)} {word} against {against}", facts)


def decision(one: "Written") -> Node:
    """An entry of the ledger."""
    entry, decided = one.entry, one.entry.decision
    label = f"{decided.action} by {decided.actor}, {entry.at:%Y-%m-%d} (entry {entry.number})"
    facts = told(
        action=decided.action, by=decided.actor, signed_by=one.signer, reason=decided.reason,
        at=f"{entry.at:%Y-%m-%d %H:%M} UTC", id=decided.id,
    )  # fmt: skip
    return Node(Kind.DECISION, str(entry.number), label, facts)


def version(record: "VersionRecord", state: str) -> Node:
    """A registered version."""
    name = f"{record.model}/{record.number}"
    facts = told(bundle=record.bundle, risk=record.risk, owner=record.owner, registered_by=record.registered_by)
    return Node(Kind.VERSION, name, f"{name}, {state}", told(state=state) | facts)


def release(one: "Written") -> Node:
    """A version that went into a channel, as the ledger tells it."""
    entry, decided = one.entry, one.entry.decision
    number = decided.subjects.get("release", "?")
    facts = told(
        by=decided.actor,
        at=f"{entry.at:%Y-%m-%d %H:%M} UTC",
        entry=entry.number,
        base=decided.subjects.get("base"),
        bundle=decided.subjects.get("bundle"),
    )
    return Node(Kind.RELEASE, f"{decided.model}/{number}", f"release {number} of {decided.model}", facts)
