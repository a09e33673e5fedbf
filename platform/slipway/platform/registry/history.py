"""What was decided about a model, in order, and who was champion on a day: who decided it, on what evidence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from slipway.platform.errors import WrongUse
from slipway.platform.ledger.describing import plain
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.registry import decisions
from slipway.platform.registry.standing import Change, ModelStanding, VersionStanding, standing_of

WORDS: Final = {
    Action.VERDICT: "judged",
    Action.REGISTER: "registered",
    Action.COMMENT: "remark",
    Action.APPROVE: "approved",
    Action.REJECT: "rejected",
    Action.PROMOTE: "promoted",
    Action.OVERRIDE: "OVERRIDE",
    Action.ACCEPT: "alias accepted",
    Action.RESTORE: "alias put back",
    Action.RELEASE: "released",
    Action.ADVANCE: "rollout advanced",
    Action.AGREE: "last step approved",
    Action.PAUSE: "rollout paused",
    Action.RESUME: "rollout resumed",
    Action.SAMPLE: "pictures to keep",
    Action.ROLLBACK: "rolled back to",
    Action.REFUSE: "refused",
    Action.PIN: "pin",
    Action.FREEZE: "freeze",
    Action.CONFIGURE: "site configured",
}


@dataclass(frozen=True)
class Event:
    """One entry, in words."""

    written: Written
    what: str
    version: str
    """The version's number; of a candidate the beginning of its bundle."""
    why: str
    champion: bool
    """Whether somebody else was champion from here on."""

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        entry = self.written.entry
        return {
            "entry": entry.number,
            "at": entry.at,
            "action": entry.decision.action.value,
            "version": self.version,
            "subjects": dict(entry.decision.subjects),
            "actor": entry.decision.actor,
            "signer": self.written.signer,
            "why": self.why,
            "champion_changed": self.champion,
        }


@dataclass(frozen=True)
class Reign:
    """Who was champion at a moment, and what that rested on."""

    change: Change
    version: VersionStanding
    """As it stood when it became champion."""
    verdict: str
    approvers: tuple[str, ...]
    until: Change | None
    """What ended it, if anything did."""

    def as_fields(self) -> dict[str, str]:
        """In words."""
        decision = self.change.written.entry.decision
        fields = {
            "champion": f"version {self.version.number}, bundle {self.version.bundle}",
            "since": f"{self.change.at:%Y-%m-%d %H:%M} UTC, entry {self.change.number}",
            "decided by": f"{self.change.who} ({WORDS[self.change.action].lower()})",
            "verdict": self.verdict or "none",
            "approved by": ", ".join(self.approvers) or "nobody",
        }
        if self.change.why:
            fields["reason"] = plain(self.change.why)
        if refused := decision.details.get("refused"):
            fields["past the refusal"] = str(refused)
        if self.until:
            fields["until"] = f"{self.until.at:%Y-%m-%d %H:%M} UTC, entry {self.until.number}"
        return fields

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "version": self.version.number,
            "bundle": self.version.bundle,
            "since": self.change.at,
            "entry": self.change.number,
            "action": self.change.action.value,
            "by": self.change.who,
            "reason": self.change.why,
            "verdict": self.verdict,
            "approvers": list(self.approvers),
            "until": self.until.at if self.until else None,
        }


def events(standing: ModelStanding, entries: Iterable[Written]) -> list[Event]:
    """All entries about the model."""
    changes = {change.number for change in standing.history}
    found = []
    for written in entries:
        decision = written.entry.decision
        if decision.action not in WORDS:
            continue
        bundle = decision.subjects.get(decisions.BUNDLE, "")
        version = standing.versions.get(bundle)
        found.append(
            Event(
                written,
                _what(decision.action, decision.details, decision.subjects),
                version.number if version else bundle[:12],
                _why(standing, written),
                written.entry.number in changes,
            )
        )
    return found


def reign_on(standing: ModelStanding, entries: Iterable[Written], moment: date) -> Reign | None:
    """Who was champion then; of a day, at its end in UTC."""
    change = standing.champion_on(moment)
    if change is None:
        return None
    then = standing_of(standing.model, (one for one in entries if one.entry.number <= change.number))
    version = then.versions[change.after]
    verdict = change.written.entry.decision.subjects.get(decisions.VERDICT, "")
    place = standing.history.index(change)
    until = standing.history[place + 1] if place + 1 < len(standing.history) else None
    return Reign(change, version, verdict, version.approvers(verdict), until)


def moment_of(text: str) -> date:
    """A day, or a moment; one without a zone is UTC."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"`{text}` is no date.", mend="Write 2026-03-31, or 2026-03-31T14:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def end_of(moment: date) -> datetime:
    """The moment itself, or the end of the day."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time.max, UTC)


def _what(action: Action, details: Mapping[str, Any], subjects: Mapping[str, str]) -> str:
    if action is Action.VERDICT:
        return "passed its gates" if details.get(decisions.PASSED) is True else "FAILED its gates"
    if action is Action.REFUSE:
        return f"refused: {subjects.get(decisions.ASKED, '')}"
    if action is Action.RELEASE:
        return f"released as {subjects.get('release', '?')}"
    return WORDS[action]


def _why(standing: ModelStanding, written: Written) -> str:
    void = standing.why_void(written.entry.number)
    reason = written.entry.decision.reason
    return f"changes nothing: {void}" + (f" ({reason})" if reason else "") if void else reason
