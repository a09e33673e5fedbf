"""A review as a page: what differs from the champion, metric by metric, with pictures of the rows that turned."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from slipway.platform.registry.cards import state_of, value_text
from slipway.platform.registry.gallery import Turned
from slipway.platform.registry.pages import Page, Section, Table
from slipway.platform.registry.reviewing import Review, differing
from slipway.platform.runs.comparing.differences import Kind
from slipway.platform.runs.comparing.measured import Measured

DIGITS: Final = 12


def review_page(review: Review, turned: Turned | None, sheet: bytes) -> Page:
    """All that a reviewer looks at."""
    record = review.picked.record
    against = f"against {review.champion.model}/{review.champion.number}" if review.champion else "without a champion"
    return Page(
        f"Review of {review.picked.name}",
        f"{state_of(review.picked.standing, record.bundle)} · {against} · bundle {record.bundle[:DIGITS]}",
        tuple(review.unknown),
        (
            Section("Gates", list(_gates(review))),
            Section("Metrics", table=Table(columns(review), list(metric_rows(review, headline=True)))),
            _turned(turned, sheet),
            _data(review),
            _table(review, "Config", (Kind.CONFIG, Kind.VIEW, Kind.REFERENCE)),
            _table(review, "Code", (Kind.CODE,)),
            _table(review, "Lock", (Kind.LOCK,)),
            Section("All metrics", table=Table(columns(review), list(metric_rows(review)))),
        ),
    )


def columns(review: Review) -> tuple[str, ...]:
    """The headings of the metrics."""
    if review.champion is None:
        return ("metric", "slice", f"{review.picked.name}")
    return ("metric", "slice", f"{review.champion.model}/{review.champion.number}", review.picked.name, "change", "is")


def metric_rows(review: Review, *, headline: bool = False) -> Iterator[list[str]]:
    """Each metric in each slice; of slices the headline alone, if that is wanted."""
    for one in review.metrics:
        if headline and one.column and not one.headline:
            continue
        row = [one.metric, f"{one.column} {one.slice}".strip() or "all", *map(value_text, one.values)]
        if len(one.values) > 1:
            change = one.change(1)
            row += ["-" if change is None else f"{change:+.3f}", _word(one)]
        yield row


def _word(one: Measured) -> str:
    better = one.better(1)
    return "" if better is None else "better" if better else "worse"


def _gates(review: Review) -> Iterator[str]:
    verdict = review.verdict
    if verdict is None:
        return
    yield f"{'Passed' if verdict.passed else 'FAILED'}: {len(verdict.checks)} checks, verdict {verdict.key[:DIGITS]}."
    if verdict.rows:
        left = verdict.rows.total - verdict.rows.dropped
        yield f"Compared on {left} of {verdict.rows.total} rows: the others were trained on by either lineage."
    for one in verdict.checks:
        if one.state != "passed" or one.gate == "against-champion":
            yield f"{one.state}: {one.name}. {one.sentence}"


def _turned(turned: Turned | None, sheet: bytes) -> Section:
    if turned is None:
        return Section("Right, then wrong")
    text = [f"Of {turned.rows} rows {turned.wrong} turned wrong and {turned.right} turned right."]
    pictures = {"Rows that the champion had right and this version has wrong, the worst first.": sheet} if sheet else {}
    return Section("Right, then wrong", text, pictures=pictures)


def _data(review: Review) -> Section:
    snapshots = review.of(Kind.SNAPSHOT)
    if review.champion is None:
        return Section("Data")
    if not snapshots:
        return Section(
            "Data", [] if review.unknown and not review.differences else ["Both learned from the same snapshot."]
        )
    return Section("Data", fields=data_fields(review))


def data_fields(review: Review) -> Mapping[str, str]:
    """Both snapshots, and the difference in numbers."""
    fields: dict[str, Any] = {}
    for one in review.of(Kind.SNAPSHOT):
        fields |= {"snapshot before": one.before, "snapshot after": one.after}
    return fields | {name: f"{count:,}" for name, count in review.data.items()}


def _table(review: Review, title: str, parts: tuple[Kind, ...]) -> Section:
    names = {part.value for part in parts}
    rows = [(what, before[:80], after[:80]) for part, what, before, after in differing(review) if part in names]
    return Section(title, table=Table(("what", "before", "after"), rows))
