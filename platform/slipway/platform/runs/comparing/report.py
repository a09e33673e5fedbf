"""A comparison as one HTML file: no network, no script, curves as inline SVG; light, dark, and on paper."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

from slipway.platform.runs.comparing.charts import DASHES, Curve, curve_chart, interval_chart
from slipway.platform.runs.comparing.comparison import SHARDS, Comparison, Differing, Side
from slipway.platform.runs.comparing.curves import points_by_metric
from slipway.platform.runs.comparing.measured import Measured

LIGHT: Final = ("#0b62a3", "#c2410c", "#15803d", "#a21caf", "#a16207", "#475569")
DARK: Final = ("#6cb6ff", "#ff9b5e", "#6bd68b", "#e59bf5", "#f0c14b", "#b6c2cf")
DIGEST: Final = 64
LONGEST: Final = 80

STYLE: Final = """
:root { color-scheme: light dark; --page: #fff; --ink: #1c1f23; --faint: #646b73; --line: #dde1e5; --soft: #f5f6f8;
  --good: #15803d; --bad: #b3261e; %(light)s }
@media (prefers-color-scheme: dark) { :root { --page: #15181c; --ink: #e6e8ea; --faint: #9aa3ac; --line: #30363d;
  --soft: #1d2126; --good: #6bd68b; --bad: #ff8a80; %(dark)s } }
@media print { :root { color-scheme: light; --page: #fff; --ink: #000; --faint: #444; --line: #bbb; --soft: #fff;
  --good: #15803d; --bad: #b3261e; %(light)s } figure, tr { break-inside: avoid } h2 { break-after: avoid }
  main { max-width: none; padding: 0 } td, th { font-size: 12px }
  .charts { grid-template-columns: 1fr 1fr !important } .scroll { overflow: visible } }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1040px; margin: 0 auto; padding: 28px 24px 60px }
h1 { font-size: 24px; margin: 0 0 4px } h2 { font-size: 18px; margin: 36px 0 10px }
p { margin: 6px 0 } .faint { color: var(--faint) } .remark { border-left: 3px solid var(--line); padding-left: 10px }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%%; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top }
td.short { white-space: nowrap } th { font-weight: 600 } td { overflow-wrap: break-word }
td code { overflow-wrap: anywhere } td.number, th.number { text-align: right } td.number { white-space: nowrap }
code { font: 13px ui-monospace, monospace }
tr.headline td { font-weight: 600 } .better { color: var(--good) } .worse { color: var(--bad) }
.charts figure { margin: 0 }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%%, 440px), 1fr)); gap: 18px }
figure { margin: 0 0 12px; padding: 10px; background: var(--soft); border: 1px solid var(--line); border-radius: 8px }
figcaption { font-weight: 600; margin: 0 0 4px 4px } svg { display: block; width: 100%%; height: auto }
.legend { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 8px 0 14px } .legend svg { width: 34px; height: 10px }
.legend span { display: inline-flex; align-items: center; gap: 8px }
.grid { stroke: var(--line); stroke-width: 1 } .line { fill: none; stroke-width: 2; stroke-linejoin: round }
.band { stroke: none; opacity: .16 } text { fill: var(--faint); font-size: 12px; text-anchor: middle }
text.end, text.name { text-anchor: end } text.name { fill: var(--ink); font-size: 13px }
"""


def report(comparison: Comparison, now: datetime) -> str:
    """The page."""
    names = [side.name for side in comparison.sides]
    title = f"{' · '.join(names)}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="faint">Compared on {now:%Y-%m-%d %H:%M} UTC; the others are held against {escape(names[0])}.</p>',
        *(f'<p class="remark">{escape(remark)}</p>' for remark in comparison.remarks),
        _legend(names),
        *_runs(comparison.sides),
        *_metrics(comparison, names),
        *_curves(comparison.sides),
        *_inputs(comparison, names),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style(len(names))}</style></head>\n<body><main>\n{chr(10).join(body)}\n</main></body></html>\n"
    )


def style(runs: int) -> str:
    """The rules, with a colour for each run."""
    colours = {
        name: " ".join(f"--run{run}: {table[run % len(table)]};" for run in range(runs))
        for name, table in (("light", LIGHT), ("dark", DARK))
    }
    rules = "".join(
        f".line.run{run} {{ stroke: var(--run{run}) }} .band.run{run}, .mark.run{run} {{ fill: var(--run{run}) }}\n"
        for run in range(runs)
    )
    return STYLE % colours + rules


def _legend(names: Sequence[str]) -> str:
    entries = []
    for run, name in enumerate(names):
        dash = f' stroke-dasharray="{DASHES[run % len(DASHES)]}"' if run % len(DASHES) else ""
        line = f'<line class="line run{run}"{dash} x1="0" x2="34" y1="5" y2="5"/>'
        entries.append(f'<span><svg viewBox="0 0 34 10" aria-hidden="true">{line}</svg>{escape(name)}</span>')
    return f'<div class="legend">{"".join(entries)}</div>'


def _runs(sides: Sequence[Side]) -> Iterator[str]:
    yield "<h2>Runs</h2>"
    rows = []
    for side in sides:
        spec, result = side.standing.spec, side.result
        rows.append(
            [
                f"<b>{escape(side.name)}</b><br><code>{side.parts.key[:15]}</code>",
                escape(side.parts.model),
                escape(side.standing.state.value if side.standing.state else "not begun"),
                escape(f"{spec.submitted_by}, {spec.created:%Y-%m-%d %H:%M}") if spec else "",
                f"{result.steps:,} in {result.seconds:,.0f} s" if result else "",
                f"<code>{escape(spec.revision[:12] + ('+dirty' if spec.revision.endswith('+dirty') else ''))}</code>"
                if spec and spec.revision
                else "",
                escape(spec.note) if spec else "",
            ]
        )
    yield _table(("run", "model", "state", "by, since", "steps", "revision", "note"), rows)


def _metrics(comparison: Comparison, names: Sequence[str]) -> Iterator[str]:
    measures = comparison.measures
    if not measures:
        yield '<h2>Metrics</h2><p class="faint">No run has been judged yet.</p>'
        return
    split = next((side.evaluation["split"] for side in comparison.sides if "split" in side.evaluation), "test")
    yield f"<h2>Metrics on <code>{escape(str(split))}</code></h2>"
    yield '<p class="faint">In brackets 95 % intervals; better and worse where they do not meet the first run\'s.</p>'
    heads = [one for one in measures if one.headline]
    chart = interval_chart([(_of(one), list(_marks(one, names))) for one in heads])
    if chart:
        yield f"<figure><figcaption>{escape(heads[0].metric)}</figcaption>{chart}</figure>"
    rows = [[escape(_of(one)), escape(_metric(one)), *_cells(one)] for one in measures]
    yield _table(("slice", "metric", *names), rows, [one.headline and not one.column for one in measures], numbers=2)


def _marks(one: Measured, names: Sequence[str]) -> Iterator[tuple[int, str, float, float | None, float | None]]:
    for run, (name, measure) in enumerate(zip(names, one.values, strict=True)):
        if measure and measure.get("value") is not None:
            yield run, name, float(measure["value"]), measure.get("low"), measure.get("high")


def _cells(one: Measured) -> Iterator[str]:
    for place, measure in enumerate(one.values):
        better = one.better(place) if place else None
        word = "" if better is None else "better" if better else "worse"
        change = one.change(place) if place else None
        told = f' <span class="faint">({change:+.4f})</span>' if change is not None else ""
        verdict = f' <b class="{word}">{word}</b>' if word else ""
        yield f"{escape(measure_text(measure))}{'<br>' if told or verdict else ''}{told}{verdict}"


def _curves(sides: Sequence[Side]) -> Iterator[str]:
    curves: dict[str, list[Curve]] = {}
    for run, side in enumerate(sides):
        for metric, points in points_by_metric(side.curves).items():
            curve = Curve(run, side.name, [step for step, _ in points], [value for _, value in points])
            curves.setdefault(metric, []).append(curve)
    yield "<h2>Curves</h2>"
    charts = [(metric, curve_chart(metric, curves[metric])) for metric in sorted(curves)]
    figures = [f"<figure><figcaption>{escape(name)}</figcaption>{chart}</figure>" for name, chart in charts if chart]
    yield f'<div class="charts">{"".join(figures)}</div>' if figures else '<p class="faint">There are none yet.</p>'


def _inputs(comparison: Comparison, names: Sequence[str]) -> Iterator[str]:
    yield "<h2>What went in</h2>"
    rows = [*comparison.inputs, *comparison.shards]
    if not rows:
        yield "<p>Nothing differs: they are the same work.</p>"
        return
    told = [[row.part, f"<code>{escape(short_name(row.name))}</code>", *_values(row)] for row in rows]
    yield _table(("part", "what", *names), told)


def _values(row: Differing) -> Iterator[str]:
    for value in row.values:
        text = value_text(value, size=row.part == SHARDS)
        yield f"<code>{escape(text)}</code>" if text else '<span class="faint">-</span>'


def _table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], bold: Sequence[bool] = (), numbers: int | None = None
) -> str:
    kinds = [_kind(place, numbers) for place in range(len(columns))]
    head = "".join(f"<th{kind}>{escape(column)}</th>" for kind, column in zip(kinds, columns, strict=True))
    lines = []
    for number, row in enumerate(rows):
        cells = "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True))
        marked = ' class="headline"' if number < len(bold) and bold[number] else ""
        lines.append(f"<tr{marked}>{cells}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _kind(place: int, numbers: int | None) -> str:
    """The class of a cell: the first ones name, the others are counted or read."""
    if place < (1 if numbers is None else numbers):
        return ' class="short"'
    return ' class="number"' if numbers is not None else ""


def _of(one: Measured) -> str:
    return f"{one.column.removeprefix('slice_')} = {one.slice}" if one.column else "all"


def _metric(one: Measured) -> str:
    return f"{one.metric} (less is better)" if one.falling else one.metric


def measure_text(measure: Any) -> str:  # noqa: ANN401 - a measure's JSON, or nothing
    """A value with its interval."""
    if not measure or measure.get("value") is None:
        return "-"
    interval = measure.get("low"), measure.get("high")
    told = "" if None in interval else f" [{interval[0]:.4f}, {interval[1]:.4f}]"
    return f"{measure['value']:.4f}{told}"


def short_name(name: str) -> str:
    """A file's name with its digest shortened."""
    return re.sub(r"[0-9a-f]{64}", lambda found: f"{found[0][:12]}…", name)


def value_text(value: Any, *, size: bool = False) -> str:  # noqa: ANN401 - a value of a config
    """A value in a cell: digests shortened, nothing as nothing."""
    if value is None:
        return ""
    if size:
        return f"{value:,} bytes"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    digest, _, rest = text.partition(" ")
    if len(digest) == DIGEST and not set(digest) - set("0123456789abcdef"):
        text = f"{digest[:12]} {rest}".rstrip()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
