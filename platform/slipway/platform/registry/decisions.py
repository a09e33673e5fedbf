"""The decisions that are about versions, each put in one way, so that whoever folds the ledger finds what it needs.

Subjects say what a decision is about and belong to its id; details are what a reader wants to see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from slipway.platform.ledger.entry import Action, Decision
from slipway.platform.registry.verdict import Verdict

BUNDLE: Final = "bundle"
VERSION: Final = "version"
VERDICT: Final = "verdict"
REPLACES: Final = "replaces"
"""The bundle that is champion no more; not there where there was none."""
UNDOES: Final = "undoes"
"""The bundle that a rollback quarantines, where devices run another one than the champion that it replaces."""
CHAMPION: Final = "champion"
"""The bundle that a verdict was given against; not there where there was none."""
SNAPSHOT: Final = "snapshot"
ASKED: Final = "asked"
"""What was refused: `approve`, `promote`, …"""
PASSED: Final = "passed"
NEEDED: Final = "approvals"
BARRED: Final = "barred"
RELEASE: Final = "release"
"""Number of the release that an entry is about."""
FINISH: Final = "finish"
"""Whether an advance makes what is on its way everybody's."""
ASKED_BY: Final = "asked_by"
"""The person for whom a service decided."""
GRANT: Final = "grant"
"""What that person has signed: the request, or the one that began a session."""
RECORD: Final = "record"
"""The sha256 of the version's record in the store."""


@dataclass(frozen=True)
class About:
    """The version that a decision is about."""

    model: str
    bundle: str
    version: str = ""
    verdict: str = ""
    """The verdict's key that it rests on."""
    replaces: str | None = None
    """The bundle that was champion."""
    besides: Mapping[str, str] = field(default_factory=dict)
    """What else it is about, such as a release."""

    @property
    def subjects(self) -> dict[str, str]:
        """What of it is known."""
        named = {BUNDLE: self.bundle, VERSION: self.version, VERDICT: self.verdict, REPLACES: self.replaces or ""}
        return {name: value for name, value in (named | dict(self.besides)).items() if value}

    def decided(
        self, action: Action, *, actor: str, nonce: str, reason: str = "", details: Mapping[str, Any] | None = None
    ) -> Decision:
        """Approve, reject, comment, promote, override, accept, restore, or roll back to it."""
        return Decision(
            action=action,
            model=self.model,
            subjects=self.subjects,
            actor=actor,
            nonce=nonce,
            reason=reason,
            details=details or {},
        )

    def refused(self, asked: str, *, actor: str, nonce: str, reason: str) -> Decision:
        """Somebody asked for this, and was refused."""
        return Decision(
            action=Action.REFUSE,
            model=self.model,
            subjects={**self.subjects, ASKED: asked},
            actor=actor,
            nonce=nonce,
            reason=reason,
        )


def verdict_given(verdict: Verdict, *, actor: str, nonce: str) -> Decision:
    """Gates have judged a bundle; failed ones are told with what failed."""
    subjects = {BUNDLE: verdict.bundle, VERDICT: verdict.key, SNAPSHOT: verdict.snapshot}
    if verdict.champion:
        subjects[CHAMPION] = verdict.champion
    failed = [one.sentence for one in verdict.failures]
    return Decision(
        action=Action.VERDICT,
        model=verdict.model,
        subjects=subjects,
        actor=actor,
        nonce=nonce,
        reason="; ".join(failed[:3]) + (f"; {len(failed) - 3} more" if len(failed) > 3 else ""),  # noqa: PLR2004
        details={
            PASSED: verdict.passed,
            "checks": len(verdict.checks),
            "failures": [one.name for one in verdict.failures],
        },
    )


def registered(
    about: About, *, actor: str, nonce: str, needed: int, barred: Sequence[str], record: str = ""
) -> Decision:
    """A bundle is a version; `needed` people must approve it, none of whom is one of the `barred`."""
    details = {NEEDED: needed, BARRED: sorted(set(barred))} | ({RECORD: record} if record else {})
    return about.decided(Action.REGISTER, actor=actor, nonce=nonce, details=details)
