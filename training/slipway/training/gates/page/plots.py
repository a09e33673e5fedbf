"""Which figures a verdict has: slices with intervals, disturbed images, reliability, latency and memory."""

from collections.abc import Iterator
from html import escape

from slipway.platform.registry.verdict import Verdict
from slipway.training.evaluation.judged import Evaluation, Measure
from slipway.training.gates.checks.common import SLICE_PREFIX
from slipway.training.gates.evidence import Evidence
from slipway.training.gates.page.figures import Bar, Dot, Row, bars, legend, reliability, rows_of_dots


def plots(verdict: Verdict, candidate: Evidence, champion: Evidence | None) -> Iterator[str]:
    """Those that there is something to show for."""
    variant = candidate.preferred
    if variant is None:
        return
    yield from _slices(candidate, champion, variant)
    yield from _disturbed(candidate)
    yield from _reliability(candidate.evaluations[variant], variant)
    yield from _costs(verdict)


def _slices(candidate: Evidence, champion: Evidence | None, variant: str) -> Iterator[str]:
    ours, theirs = candidate.evaluations[variant], None
    kinds = {"first": f"this bundle, {variant}"}
    other = _beside(champion, variant)
    if champion is not None and other is not None:
        theirs = champion.evaluations[other]
        kinds["second"] = f"the champion, {other}"
    metric = ours.headline
    lines = [_row("all", ours.overall[metric], _other(theirs, metric, "", ""))]
    for one in ours.slices:
        column = one.column.removeprefix(SLICE_PREFIX)
        name = one.name if column == "camera" else f"{column} {one.name}"
        lines.append(_row(name, one.measures[metric], _other(theirs, metric, one.column, one.name)))
    told = rows_of_dots([one for one in lines if one is not None])
    yield f'<h2>{escape(metric)} by slice</h2><div class="plot">{legend(kinds)}{told}</div>'
    yield '<p class="soft small">Lines are 95 % intervals; small slices have none. Beside each name: its units.</p>'


def _beside(champion: Evidence | None, variant: str) -> str | None:
    """The champion's variant that is shown beside ours."""
    if champion is None:
        return None
    return variant if variant in champion.variants else champion.preferred


def _row(name: str, ours: Measure, theirs: Measure | None) -> Row | None:
    if ours.value is None:
        return None
    dots = [Dot(ours.value, ours.low, ours.high)]
    if theirs is not None and theirs.value is not None:
        dots.append(Dot(theirs.value, theirs.low, theirs.high, "second"))
    return Row(name, tuple(dots), f"{ours.value:.3f}", f"{ours.units:,}")


def _other(evaluation: Evaluation | None, metric: str, column: str, name: str) -> Measure | None:
    if evaluation is None:
        return None
    if not column:
        return evaluation.overall.get(metric)
    found = (one.measures.get(metric) for one in evaluation.slices if (one.column, one.name) == (column, name))
    return next(found, None)


def _disturbed(candidate: Evidence) -> Iterator[str]:
    lines = []
    for one in candidate.report.disturbed:
        metric = candidate.evaluations[one.variant].headline
        before, after = one.clean[metric].value, one.disturbed[metric].value
        if before is not None and after is not None:
            name = f"{one.disturbance.words}, {one.variant}"
            lines.append(Row(name, (Dot(before, kind="hollow"), Dot(after)), f"{after - before:+.3f}"))
    if lines:
        kinds = {"hollow": "as it is", "first": "disturbed"}
        yield f'<h2>Disturbed images</h2><div class="plot">{legend(kinds)}{rows_of_dots(lines)}</div>'


def _reliability(evaluation: Evaluation, variant: str) -> Iterator[str]:
    curve = evaluation.details.get("reliability")
    if not curve:
        return
    drawn = reliability(curve["confidence"], curve["accuracy"], curve["rows"], f"Reliability of {variant}")
    yield f'<h2>Reliability</h2><div class="plot">{drawn}'
    yield (
        '<p class="soft small">Across: how sure it is; up: how often it is right then. On the dashed line confidence '
        f"means what it says; a larger dot stands for more rows. Of {escape(variant)}.</p></div>"
    )


def _costs(verdict: Verdict) -> Iterator[str]:
    units = {"latency": "ms", "memory": "MB", "size": "MB"}
    for gate, unit in units.items():
        found = [
            Bar(f"{one.device}, {one.variant}", one.value, one.limit, unit)
            for one in verdict.checks
            if one.gate == gate and one.value is not None and one.limit is not None
        ]
        if found:
            yield f'<h2>{gate.capitalize()}</h2><div class="plot">{bars(found)}</div>'
