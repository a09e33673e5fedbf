"""Undoing a release: one entry of the ledger, from which devices, champion and quarantine follow.

What is on its way is undone, else what is everybody's. Devices are led back first, since that is what is waited for;
MLflow's alias follows, and where MLflow does not answer, the guard makes it equal later. An undo made again, after a
crash or by two people at once, is the same undo until something has gone forward in between.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.registry.decisions import RELEASE, UNDOES, VERDICT, About
from slipway.platform.registry.desk import Desk, Refused, fresh_nonce
from slipway.platform.registry.promoting import rollback, take_back, way_back
from slipway.platform.registry.records import agreed
from slipway.platform.registry.shown import show_version
from slipway.platform.registry.standing import ModelStanding
from slipway.serving.release.converging import Converged, Told, converge
from slipway.serving.release.deciding import (
    about_release,
    against_person,
    asked_before,
    check_counts,
    check_same,
    telling,
)
from slipway.serving.release.folding import load_rollout
from slipway.serving.release.metering import SILENT, Meter
from slipway.serving.release.repository import Repository
from slipway.serving.release.rollouts import Released, Rollout
from slipway.serving.release.rules import BASE, number_in

ASKED: Final = Action.ROLLBACK.value
OpenRepository = Callable[[], Repository]


@dataclass(frozen=True)
class Undo:
    """What an undo does."""

    gone: Released
    """Devices leave it, and its version is quarantined."""
    back: Released
    """Devices go back to it, and its version is champion."""
    champion: str | None
    """The bundle that was champion."""
    verdict: str

    @property
    def about(self) -> About:
        """What the ledger's entry is about."""
        named = {RELEASE: str(self.gone.number), BASE: str(self.back.number)}
        if self.gone.bundle != self.champion:
            named[UNDOES] = self.gone.bundle
        return About(self.back.model, self.back.bundle, self.back.version, self.verdict, self.champion, named)


@dataclass(frozen=True)
class Undone:
    """Where things stand then."""

    rollout: Rollout
    written: Written
    before: bool
    """Whether it was undone before."""
    converged: Converged | None
    """None where nothing was ever released."""
    alias: str
    """Why MLflow's aliases do not follow; empty where they do."""


@dataclass(frozen=True)
class _Asked:
    reason: str
    request: str
    details: Mapping[str, Any]


def plan(rollout: Rollout, standing: ModelStanding, number: int | None = None) -> Undo:
    """What undoing this release would do, or the one that devices should run now; refused is what cannot be undone."""
    model = rollout.model
    gone = rollout.newest if number is None else rollout.releases.get(number)
    if gone is None:
        there = ", ".join(map(str, rollout.releases)) or "none"
        raise Refused(
            f"{model} has no release {number or 'that devices run'}.",
            mend=f"There are: {there}. `slipway rollout history {model}` tells of them.",
        )
    if gone not in (rollout.target, rollout.base):
        raise Refused(
            f"Release {gone.number} of {model} is not what devices should run.",
            mend=f"`slipway rollout status {model}` shows what they should.",
        )
    back = rollout.earlier(gone.number)
    if back is None:
        raise _no_way_back(rollout, gone)
    version = standing.versions[back.bundle]
    if version.quarantined:
        raise Refused(
            f"Release {back.number} of {model} (version {version.number}) is quarantined: devices are not led back to "
            "it.",
            mend=_forward(rollout),
        )
    verdict = version.promotions[-1].entry.decision.subjects.get(VERDICT, "")
    return Undo(gone, back, standing.champion, verdict)


def undo(  # noqa: PLR0913 - what may be left out is given by name
    desk: Desk,
    open_repository: OpenRepository,
    model: str,
    *,
    reason: str,
    release: int | None = None,
    request: str | None = None,
    asked: Mapping[str, Any] | None = None,
    told: Told = lambda _: None,
    meter: Meter = SILENT,
) -> Undone:
    """Take a release out of the field, or finish an undo that somebody began.

    A service that leads rollouts undoes what is on its way; anything else where `asked` says who wants it, with the
    grant. That stands in the entry's details.
    """
    _check_reason(reason)
    rollout, standing = load_rollout(desk, model)
    written = there = _before(desk, rollout, release, request)
    if written is None and _champion_alone(rollout, standing, release):
        written = rollback(desk, model, reason=reason, request=request, show=False).written
    if written is None:
        written = _decided(desk, rollout, standing, release, _Asked(reason, request or fresh_nonce(), asked or {}))
    rollout, standing = load_rollout(desk, model)
    check_counts(written, standing.why_void(written.entry.number))
    with telling(written):
        converged = converge(desk, open_repository(), (model,), told=told, meter=meter)[0] if rollout.releases else None
    return Undone(rollout, written, there is not None, converged, _aliases(desk, standing))


@dataclass(frozen=True)
class Outlook:
    """What an undo would do."""

    before: Written | None
    """The entry that undid it already."""
    wanted: Undo | None
    """None where nothing is left to undo, or champion alone goes back."""


def look(desk: Desk, model: str, *, reason: str, release: int | None = None, request: str | None = None) -> Outlook:
    """What an undo by who acts here would do; what it would be refused with is raised, and nothing is written."""
    _check_reason(reason)
    rollout, standing = load_rollout(desk, model)
    if there := _before(desk, rollout, release, request):
        return Outlook(there, None)
    wanted = None if _champion_alone(rollout, standing, release) else plan(rollout, standing, release)
    about = wanted.about if wanted else way_back(desk, model, None).about()
    if found := against_person(desk, about.decided(Action.ROLLBACK, actor=desk.signer.person.name, nonce="-")):
        raise found
    return Outlook(None, wanted)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise WrongUse("An undo takes a reason.", mend='--reason "…"')


def _before(desk: Desk, rollout: Rollout, release: int | None, request: str | None) -> Written | None:
    """The entry that undid it, by the same request or any."""
    there = asked_before(desk, rollout.model, Action.ROLLBACK, request)
    if there:
        check_same(there, request, same=release in (None, number_in(there.entry.decision, RELEASE)))
    return there or _undone_before(rollout, release)


def _undone_before(rollout: Rollout, release: int | None) -> Written | None:
    """The rollback that did it already; without a number: the last one, if nothing went forward since."""
    if release is not None:
        found = rollout.releases.get(release)
        return found.undone if found else None
    last = rollout.last
    return last if last and last.entry.decision.action is Action.ROLLBACK else None


def _champion_alone(rollout: Rollout, standing: ModelStanding, release: int | None) -> bool:
    """Whether only champion goes back: nothing is on its way, and today's champion was never released."""
    base = rollout.base
    return release is None and rollout.target is None and (base is None or base.bundle != standing.champion)


def _decided(desk: Desk, rollout: Rollout, standing: ModelStanding, release: int | None, asked: "_Asked") -> Written:
    """Write the entry; of two who undo the same at once, the second finds it done."""
    model = rollout.model
    try:
        wanted = plan(rollout, standing, release)
    except Refused as refused:
        newest = rollout.newest
        desk.refuse(ASKED, about_release(newest) if newest else About(model, standing.champion or ""), refused)
    try:
        return take_back(desk, wanted.about, reason=asked.reason, request=asked.request, details=asked.details)
    except Refused:
        if there := _undone_before(load_rollout(desk, model)[0], wanted.gone.number):
            return there
        raise


def _aliases(desk: Desk, standing: ModelStanding) -> str:
    """Let MLflow's aliases follow; why they do not, where it does not answer."""
    version = standing.versions.get(standing.champion or "")
    if version is None:
        return ""
    try:
        show_version(desk, agreed(desk.store, standing.model, version))
    except SlipwayError as error:
        return f"MLflow's aliases do not follow yet ({str(error).removesuffix('.')}): `slipway model guard --once`."
    return ""


def _no_way_back(rollout: Rollout, gone: Released) -> Refused:
    model = rollout.model
    if gone.base is None:
        said = f"Nothing of {model} was released before release {gone.number}: there is nothing to go back to."
    else:
        said = f"Devices may have seen the floor {rollout.floor} of {model}: they go back to nothing below it."
    return Refused(said, mend=_forward(rollout))


def _forward(rollout: Rollout) -> str:
    """What can be done where nothing can be undone."""
    model = rollout.model
    pause = f"`slipway rollout pause {model}`: nobody else begins with it.\n" if rollout.target else ""
    return f"{pause}Then forward: promote another version, and `slipway rollout start {model}`."
