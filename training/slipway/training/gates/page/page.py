"""The page of a verdict: what was judged against whom on which rows, every check, the figures, the evidence."""

from collections.abc import Iterator
from html import escape
from typing import Final

from slipway.platform.registry.verdict import Checked, State, Verdict
from slipway.training.gates.evidence import Evidence
from slipway.training.gates.page.plots import plots
from slipway.training.gates.page.style import STYLE

SUBJECTS: Final = {
    "against-champion": "Against the champion",
    "floor": "Floors",
    "worst-slice": "Worst slice",
    "gap": "Gaps between groups",
    "calibration": "Calibration",
    "robustness": "Disturbed images",
    "parity": "Parity of the variants",
    "rank-flips": "First matches",
    "latency": "Latency",
    "memory": "Memory",
    "size": "Size",
    "engine": "Engines",
    "data": "Data",
    "leakage": "Leakage",
}
WORDS: Final[dict[State, str]] = {
    "failed": "failed",
    "prove-on-device": "left to the device",
    "passed": "passed",
}
SENSES: Final = {"least": "≥", "most": "≤"}


def page(verdict: Verdict, candidate: Evidence, champion: Evidence | None) -> str:
    """All of it as one file that needs nothing from elsewhere."""
    body = "".join(
        (
            *_head(verdict),
            *_failed(verdict),
            *plots(verdict, candidate, champion),
            *_checks(verdict),
            *_evidence(verdict),
        )
    )
    title = f"{verdict.model} {verdict.bundle[:12]}: {_word(verdict)}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>{body}</body></html>\n"
    )


def _head(verdict: Verdict) -> Iterator[str]:
    word = _word(verdict)
    yield f'<h1>{escape(verdict.model)} <span class="word {word}">{word}</span></h1>'
    counts = {state: sum(one.state == state for one in verdict.checks) for state in WORDS}
    told = ", ".join(f"{counts[state]} {WORDS[state]}" for state in WORDS if counts[state])
    yield f'<p class="soft">{len(verdict.checks)} checks: {told}.</p>'
    rows = "not compared: there was no champion"
    if verdict.rows is not None:
        left = verdict.rows.total - verdict.rows.dropped
        rows = f"{left:,} of {verdict.rows.total:,} units compared; {verdict.rows.dropped:,} were trained on by either"
    fields = {
        "Bundle": f"<code>{verdict.bundle}</code>",
        "Champion": f"<code>{verdict.champion}</code>" if verdict.champion else "none",
        "Judged on": f"<code>{verdict.snapshot}</code>",
        "Rows": escape(rows),
        "Judged": f"{verdict.judged_at:%Y-%m-%d %H:%M} UTC",
        "Verdict": f"<code>{verdict.key}</code>",
    }
    yield f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in fields.items())}</dl>"


def _failed(verdict: Verdict) -> Iterator[str]:
    if verdict.failures:
        yield "<h2>What failed</h2>"
        yield from map(_check, verdict.failures)


def _checks(verdict: Verdict) -> Iterator[str]:
    yield "<h2>All checks</h2>"
    for gate, subject in SUBJECTS.items():
        found = [one for one in verdict.checks if one.gate == gate]
        if not found:
            continue
        worst = next(state for state in WORDS if any(one.state == state for one in found))
        opened = " open" if worst == "failed" else ""
        yield (
            f'<details class="more"{opened}><summary><b>{subject}</b> <span class="{worst}">{WORDS[worst]}</span> '
            f'<span class="soft small">{len(found)}</span></summary>{"".join(map(_check, found))}</details>'
        )


def _check(one: Checked) -> str:
    state = f'<span class="{one.state}">{WORDS[one.state]}</span>'
    return (
        f'<div class="check is-{one.state}"><header><b>{escape(one.name)}</b>'
        f'<span class="value">{state} {escape(_numbers(one))}</span></header><p>{escape(one.sentence)}</p></div>'
    )


def _numbers(one: Checked) -> str:
    value = "" if one.value is None else f"{one.value:.4g}"
    interval = "" if one.low is None or one.high is None else f" ({one.low:.4g} to {one.high:.4g})"
    limit = "" if one.limit is None else f" {SENSES[one.sense]} {one.limit:g}"
    return f"{value}{interval}{limit}".strip()


def _evidence(verdict: Verdict) -> Iterator[str]:
    """Digests, so that each number can be looked up."""
    named = {"gates declared": verdict.gates, "gates' code": verdict.code}
    named |= {f"evaluation of {bundle[:12]}": key for bundle, key in verdict.work.items()}
    for one in verdict.checks:
        named |= one.evidence
    lines = "".join(
        f"<tr><td>{escape(name)}</td><td><code>{escape(value)}</code></td></tr>" for name, value in named.items()
    )
    yield f"<h2>Evidence</h2><details><summary>{len(named)} digests</summary><table>{lines}</table></details>"


def _word(verdict: Verdict) -> str:
    return "passed" if verdict.passed else "failed"
