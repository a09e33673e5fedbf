"""The guard: one look at a model, and what it does about its aliases.

For each finding, in this order: the ledger, the alias, a tag on the version that says why; then a note that all is as
the ledger says (`guard_settled`). Any number of guards may look at once, and each may be killed at any step: what is
written is named by what was found since the last note, so that the ledger tells of it once, and the next look finishes
the rest. When somebody does the same by hand again after it was put back, that is another finding.

The actor is unknown: MLflow does not say who moved an alias. The guard signs what it saw.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.identity import PersonSigner, Role, signer_holding
from slipway.platform.ledger.entry import Action, Decision, Written
from slipway.platform.ledger.ledger import Ledger
from slipway.platform.registry.decisions import VERSION, About
from slipway.platform.registry.guard_settled import Settled, last_settled, note_settled
from slipway.platform.registry.guarding import ALIASES, Deed, Judged, Obstacles, decide, wanted_aliases
from slipway.platform.registry.mlflow import ModelRegistry, point_alias
from slipway.platform.registry.standing import ModelStanding, standing_of
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.tracking.tracker import TrackingRefused
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk

ACTOR: Final = "unknown (MLflow UI)"
TAG: Final = "slipway.guard"
"""Tells on a version in MLflow what the guard did about it."""
ROUNDS: Final = 5
"""Others move aliases between our looking and our acting, but not that often."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Looked:
    """What came of looking at a model."""

    model: str
    deeds: tuple[Deed, ...] = ()
    lost: tuple[str, ...] = ()
    settled: bool = True
    """Whether MLflow shows what the ledger says."""
    trouble: str = ""
    """Why this model could not be looked at; others are none the worse for it."""


@dataclass(frozen=True)
class Guard:
    """Looks after the models that the ledger knows; registered models that slipway never saw are others'."""

    store: Store
    ledger: Ledger
    registry: ModelRegistry
    signer: Callable[[], PersonSigner]
    """Asked for where something is to be signed."""
    obstacles: Obstacles
    refresh: Callable[[str], None] = lambda _: None
    """Makes what MLflow shows of a bundle's version anew, once the ledger tells more of it."""

    @classmethod
    def of(cls, desk: "Desk") -> Self:
        """The guard by these settings, with the rules of promotion."""
        from slipway.platform.registry.promoting import obstacles

        return cls(
            desk.store,
            desk.ledger,
            desk.registry,
            lambda: signer_holding(Role.GUARD_SERVICE, desk.loaded.settings.identity, desk.people),
            lambda standing, version: _unless_damaged(lambda: obstacles(desk, standing, version)),
            lambda bundle: _describe(desk, bundle),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Give back connections."""
        self.registry.close()

    def once(self, model: str, *, dry_run: bool = False) -> Looked:
        """Make the model's aliases equal to the ledger."""
        return self._tried(model, list(self.ledger.entries(model)), dry_run=dry_run)

    def some(self, models: Iterable[str]) -> list[Looked]:
        """The same for these."""
        return [self.once(model) for model in sorted(models)]

    def all(self, *, dry_run: bool = False) -> list[Looked]:
        """The same for every model; the ledger is read once."""
        models: dict[str, list[Written]] = {}
        for written in self.ledger.entries():
            if model := written.entry.decision.model:
                models.setdefault(model, []).append(written)
        return [self._tried(model, entries, dry_run=dry_run) for model, entries in sorted(models.items())]

    def _tried(self, model: str, entries: list[Written], *, dry_run: bool) -> Looked:
        """What is wrong with one model stops the look at no other; a store or server that is away stops all."""
        try:
            return self._once(model, entries, dry_run=dry_run)
        except (WrongUse, RunsError, TrackingRefused) as error:
            return Looked(model, settled=False, trouble=f"{model} cannot be guarded: {error}")

    def _once(self, model: str, entries: list[Written], *, dry_run: bool) -> Looked:
        done: list[Deed] = []
        judged = Judged()
        for _ in range(ROUNDS):
            standing = standing_of(model, entries)
            if not standing.versions:
                return Looked(model)
            settled = last_settled(self.store, model)
            aliases = ours(self.registry.aliases(model))
            if settled.entry == entries[-1].entry.number and follows(standing, aliases):
                return Looked(model, tuple(done))
            there = {one.number for one in self.registry.versions(model)}
            judged = decide(standing, aliases, there, settled, self.obstacles)
            if dry_run:
                return Looked(model, judged.deeds, judged.lost, not judged.deeds)
            told = [written for deed in judged.deeds if (written := self._do(standing, deed, settled))]
            self._settle(
                model, [*entries, *told], there, Settled(entry=settled.entry, aliases=made(aliases, judged.deeds))
            )
            if not judged.deeds:
                return Looked(model, tuple(done), judged.lost)
            self._refresh(judged.deeds)
            done += judged.deeds
            entries = list(self.ledger.entries(model))
        log.warning("The aliases of %s move as often as they are put back.", model)
        return Looked(model, tuple(done), judged.lost, settled=False)

    def _do(self, standing: ModelStanding, deed: Deed, settled: Settled) -> Written | None:
        """Do it; the entry that tells of it."""
        log.info("%s: %s", standing.model, deed.told)
        told = None
        if deed.kind != "follow":
            told = self.ledger.append(decision_on(standing, deed, settled), self.signer())
        if deed.kind == "accept":
            return told
        if deed.wanted is None:
            self.registry.delete_alias(standing.model, deed.alias)
        else:
            point_alias(self.registry, standing.model, deed.alias, deed.wanted)
        return told

    def _settle(self, model: str, entries: Iterable[Written], there: Collection[str], after: Settled) -> None:
        """Tell on the versions what the guard did since the last note, whoever did it, and note how things stand."""
        fresh = [one for one in entries if one.entry.number > after.entry]
        for written in fresh:
            number = touched(written)
            if number in there:
                when, why = written.entry.at, written.entry.decision.reason
                self.registry.tag(model, number, {TAG: f"{when:%Y-%m-%d %H:%M:%S} UTC: {why}"})
        if fresh:
            newest = max(one.entry.number for one in fresh)
            note_settled(self.store, model, after.model_copy(update={"entry": newest}))

    def _refresh(self, deeds: Iterable[Deed]) -> None:
        for bundle in {deed.about.bundle for deed in deeds if deed.about and deed.kind != "follow"}:
            try:
                self.refresh(bundle)
            except SlipwayError as error:  # the card is a view, and whoever shows the version next makes it
                log.warning("The card of bundle %s is not up to date in MLflow: %s", bundle[:12], error)


def _unless_damaged(look: Callable[[], Sequence[str]]) -> Sequence[str]:
    """What stands in the way; also a record that is missing or damaged does."""
    try:
        return look()
    except (WrongUse, RunsError) as error:
        return [str(error)]


def _describe(desk: "Desk", bundle: str) -> None:
    """The card alone: an alias that moved meanwhile is for the next look, which tells of it."""
    from slipway.platform.registry.cards import card_of
    from slipway.platform.registry.pages import brief
    from slipway.platform.registry.records import load_version
    from slipway.platform.registry.shown import LONGEST

    record = load_version(desk.store, bundle)
    text = brief(card_of(desk, record, desk.standing(record.model)), LONGEST)
    desk.registry.describe(record.model, record.number, text)


def follows(standing: ModelStanding, aliases: Mapping[str, str]) -> bool:
    """Whether all is as the ledger says; a version that is gone takes its aliases with it."""
    return aliases == {alias: number for alias, number in wanted_aliases(standing).items() if number is not None}


def ours(aliases: Mapping[str, str]) -> dict[str, str]:
    """Those that mean something here."""
    return {alias: number for alias, number in aliases.items() if alias in ALIASES}


def made(aliases: Mapping[str, str], deeds: Iterable[Deed]) -> dict[str, str]:
    """Our aliases once the deeds are done."""
    after = dict(aliases)
    for deed in deeds:
        number = deed.found if deed.kind == "accept" else deed.wanted
        if number is None:
            after.pop(deed.alias, None)
        else:
            after[deed.alias] = number
    return after


def touched(written: Written) -> str:
    """The number of the version whose alias the guard accepted or put back; empty for other entries."""
    decision = written.entry.decision
    if decision.action is Action.ACCEPT:
        return decision.subjects[VERSION]
    if decision.action is Action.RESTORE:
        return str(decision.details.get("found") or decision.details.get("restored") or "")
    return ""


def decision_on(standing: ModelStanding, deed: Deed, settled: Settled) -> Decision:
    """What the ledger is told. The nonce is the finding: the same one, found again, is the same decision."""
    nonce = f"{deed.alias}:{deed.found or ''}:{deed.wanted or ''}:{settled.entry}"
    about = About(standing.model, deed.about.bundle if deed.about else "", deed.about.number if deed.about else "")
    if deed.kind == "accept" and deed.about is not None:
        given = deed.about.verdict_against(standing.champion)
        about = About(
            standing.model, deed.about.bundle, deed.about.number, given.key if given else "", standing.champion
        )
        return about.decided(Action.ACCEPT, actor=ACTOR, nonce=nonce, reason=deed.told)
    details = {"alias": deed.alias, "found": deed.found, "restored": deed.wanted}
    return about.decided(Action.RESTORE, actor=ACTOR, nonce=nonce, reason=deed.told, details=details)
