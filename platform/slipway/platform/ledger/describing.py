"""Entries and reports for people and as data."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from slipway.platform.ledger.checking import Problem
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.ledger.verifying import Report

SHOWN_DIGITS = 12
"""Digits of a digest where space is short."""
LONGEST_REASON = 60

COLUMNS = ("number", "at (UTC)", "action", "model", "about", "by", "reason")


def as_row(written: Written) -> list[str]:
    """The cells of a table, under `COLUMNS`."""
    entry, decision = written.entry, written.entry.decision
    return [
        str(entry.number),
        moment(entry.at),
        decision.action.value,
        plain(decision.model),
        plain(about(written)),
        by(written),
        line(decision.reason),
    ]


def as_fields(written: Written) -> dict[str, str]:
    """All that an entry says."""
    entry, decision = written.entry, written.entry.decision
    fields = {
        "number": str(entry.number),
        "at": f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "action": decision.action.value,
        "model": plain(decision.model),
    }
    fields |= {kind: plain(name) for kind, name in decision.subjects.items()}
    fields |= {"by": by(written), "reason": plain(decision.reason) or "-"}
    fields |= {name: plain(_value(value)) for name, value in decision.details.items()}
    return fields | {
        "decision": decision.id,
        "digest": written.digest,
        "follows": entry.previous or "nothing: the first",
    }


def as_data(written: Written) -> dict[str, Any]:
    """All that an entry says, for scripts."""
    entry, decision = written.entry, written.entry.decision
    data = decision.model_dump(mode="json") | {"id": decision.id}
    place = {"number": entry.number, "at": entry.at, "previous": entry.previous, "digest": written.digest}
    return place | {"signer": written.signer, "decision": data}


def report_as_data(report: Report) -> dict[str, Any]:
    """What a verification found, for scripts."""
    return {
        "entries": report.count,
        "head": report.head.model_dump() if report.head else None,
        "problems": [problem_as_data(one) for one in report.problems],
    }


def problem_as_data(problem: Problem) -> dict[str, Any]:
    """One problem."""
    return {"number": problem.number, "kind": problem.kind.value, "text": problem.text, "mend": problem.mend}


def problem_line(problem: Problem) -> str:
    """One problem in a line."""
    return f"entry {problem.number}: {problem.text}" if problem.number else problem.text


def by(written: Written) -> str:
    """Who decided, and who signed it where that is another."""
    actor = written.entry.decision.actor
    return actor if actor == written.signer else f"{plain(actor)}, signed by {written.signer}"


def about(written: Written) -> str:
    """What it is about, short: release and version where they are named, else the first subject."""
    decision = written.entry.decision
    subjects = decision.subjects
    kinds = ("version",) if decision.action is Action.ROLLBACK else ("release", "version")
    named = [f"{kind} {subjects[kind]}" for kind in kinds if kind in subjects]
    if named:
        return ", ".join(named)
    return next((f"{kind} {name[:SHOWN_DIGITS]}" for kind, name in subjects.items()), "")


def _value(value: Any) -> str:  # noqa: ANN401 - what JSON can say
    """A detail in words; a table as its names with their values."""
    if not isinstance(value, Mapping):
        return str(value)
    return ", ".join(f"{name} {one}" for name, one in value.items() if one not in (None, ""))


def moment(at: datetime) -> str:
    """To the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def plain(text: str) -> str:
    """A text in one line, without what would steer a terminal."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable())


def line(text: str) -> str:
    """A text in one line, short."""
    first = plain(text)
    return first if len(first) <= LONGEST_REASON else f"{first[: LONGEST_REASON - 1]}…"
