"""Who is champion, and where each version stands: a pure fold over the ledger's entries of one model.

The entries alone decide. One that does not fit its place is void and changes nothing, whoever wrote it and however
the writers raced: a promotion that replaces somebody who is champion no more, whose verdict did not pass or was given
against another champion, of what is rejected or quarantined, or before enough people approved. `void` tells each with
the reason. An override needs none of this but a reason and the right place: whom it replaces must be champion.

Whose word counts is the signer's, not the name in the entry, but for words that a service with the role for it recorded
for somebody who held theirs. Each person's latest word counts, on the verdict that it
names; words spoken before a quarantine do not count after it. Whoever registered a version has said who had a hand in
it, so that one's approval does not count either. That each signer held the role for it then, the ledger has looked at
before it gives an entry.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final

from slipway.platform.ledger.entry import Action, Written
from slipway.platform.ledger.ledger import Ledger
from slipway.platform.registry import decisions
from slipway.platform.registry.unfit import named_bundle, unproven, why_unasked

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded
    from slipway.platform.store import Store

PROMOTIONS: Final = frozenset({Action.PROMOTE, Action.ACCEPT, Action.OVERRIDE})
"""What makes a version champion."""
MOST: Final = 2
"""How many people must approve what was registered without a number."""


@dataclass(frozen=True)
class Given:
    """A verdict, as the ledger tells it."""

    key: str
    passed: bool
    champion: str | None
    """The bundle that it was given against."""
    written: Written


@dataclass(frozen=True)
class VersionStanding:
    """Where a registered version stands."""

    bundle: str
    number: str
    registered: Written
    verdicts: tuple[Given, ...] = ()
    """In their order."""
    approvals: tuple[Written, ...] = ()
    """Those that stand; a person's later word takes the place of the earlier one."""
    rejections: tuple[Written, ...] = ()
    """Those that stand."""
    comments: tuple[Written, ...] = ()
    promotions: tuple[Written, ...] = ()
    """What made it champion, overrides included."""
    overrides: tuple[Written, ...] = ()
    refusals: tuple[Written, ...] = ()
    restorations: tuple[Written, ...] = ()
    """Aliases of it that were set, moved or deleted by hand and put back."""
    quarantined: Written | None = None
    """The rollback that took it out of the field."""

    @property
    def needed(self) -> int:
        """How many people must approve it."""
        told = self.registered.entry.decision.details.get(decisions.NEEDED, 1)
        return max(1, told) if isinstance(told, int) else MOST

    @property
    def barred(self) -> tuple[str, ...]:
        """Those whose approval does not count: they trained it, wrote its code, or said in registering who did."""
        told = self.registered.entry.decision.details.get(decisions.BARRED, ())
        named = map(str, told) if isinstance(told, list | tuple) else ()
        return tuple(sorted({*named, self.registered.signer}))

    @property
    def last(self) -> Given | None:
        """The last verdict on it."""
        return self.verdicts[-1] if self.verdicts else None

    @property
    def passed(self) -> bool:
        """Whether that one passed."""
        return bool(self.last and self.last.passed)

    def verdict_against(self, champion: str | None) -> Given | None:
        """The last verdict that was given against this champion."""
        return next((one for one in reversed(self.verdicts) if one.champion == champion), None)

    def approvers(self, verdict: str) -> tuple[str, ...]:
        """Who approved it on the strength of this verdict; those who are barred do not count."""
        barred = {one.lower() for one in self.barred}
        named = (one for one in self.approvals if one.entry.decision.subjects.get(decisions.VERDICT) == verdict)
        return tuple(one.speaker for one in named if barred.isdisjoint({one.speaker.lower(), one.email.lower()}))

    @property
    def state(self) -> str:
        """In a word, apart from champion and challenger."""
        if self.quarantined:
            return "quarantined"
        if self.rejections:
            return "rejected"
        return "passed" if self.passed else "failed"


@dataclass(frozen=True)
class Change:
    """Another version became champion."""

    before: str | None
    after: str
    written: Written

    @property
    def number(self) -> int:
        """Of the entry."""
        return self.written.entry.number

    @property
    def at(self) -> datetime:
        """When."""
        return self.written.entry.at

    @property
    def action(self) -> Action:
        """How."""
        return self.written.entry.decision.action

    @property
    def who(self) -> str:
        """Who decided."""
        return self.written.entry.decision.actor

    @property
    def why(self) -> str:
        """The reason that was given."""
        return self.written.entry.decision.reason


@dataclass(frozen=True)
class Void:
    """An entry that changes nothing."""

    written: Written
    why: str


class Folded:
    """What entries came to, some of which changed nothing."""

    void: tuple[Void, ...]

    def why_void(self, entry: int) -> str | None:
        """Why that entry changes nothing; None where it counts."""
        return next((one.why for one in self.void if one.written.entry.number == entry), None)


@dataclass(frozen=True)
class ModelStanding(Folded):
    """Where a model stands."""

    model: str
    champion: str | None = None
    """The bundle that should be in the field."""
    challenger: str | None = None
    """The newest registered bundle whose last verdict passed, that is not champion, rejected or quarantined, and was
    not champion since that verdict."""
    versions: Mapping[str, VersionStanding] = field(default_factory=dict)
    """By bundle, in the order of their registration."""
    verdicts: Mapping[str, tuple[Given, ...]] = field(default_factory=dict)
    """By bundle, also of candidates that are no version."""
    history: tuple[Change, ...] = ()
    void: tuple[Void, ...] = ()
    on_its_way: str | None = None
    """The bundle that was released last, until it has reached everybody."""

    def champion_on(self, moment: date) -> Change | None:
        """What made the champion of that moment one; of a day, of its end in UTC."""
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time.max, UTC)
        return next((one for one in reversed(self.history) if one.at <= moment), None)

    @property
    def newest(self) -> tuple[VersionStanding, ...]:
        """All versions, the newest first."""
        return tuple(reversed(list(self.versions.values())))

    def numbered(self, number: str) -> VersionStanding | None:
        """The version of that number."""
        return next((one for one in self.versions.values() if one.number == number), None)


def standing_of(model: str, entries: Iterable[Written]) -> ModelStanding:
    """Fold the entries, in their order."""
    fold = Fold(model)
    for written in entries:
        if written.entry.decision.model == model:
            fold.add(written)
    return fold.result()


def standings_since(model: str, entries: Iterable[Written], number: int) -> Iterator[ModelStanding]:
    """Where the model stood after the entry of that number, and after each that followed."""
    fold = Fold(model)
    for written in entries:
        if written.entry.number > number:
            yield fold.result()
        fold.add(written)
    yield fold.result()


def load_standing(model: str, loaded: "Loaded", store: "Store") -> ModelStanding:
    """Where the model stands by the store's ledger."""
    return standing_of(model, Ledger.of(loaded, store).entries(model))


class Fold:
    """What is known after each entry; they are given in their order."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._champion: str | None = None
        self._versions: dict[str, VersionStanding] = {}
        self._verdicts: dict[str, tuple[Given, ...]] = {}
        self._history: list[Change] = []
        self._void: list[Void] = []
        self._on_its_way: tuple[str, str] | None = None

    def add(self, written: Written) -> str | None:
        """Take one more entry into account; why it changes nothing, where it does not count."""
        action = written.entry.decision.action
        why = None
        if action is Action.VERDICT:
            self._judged(written)
        elif action is Action.REGISTER:
            why = self._registered(written)
        elif action in PROMOTIONS:
            why = self._promoted(written)
        elif action is Action.ROLLBACK:
            why = self._rolled_back(written)
        elif action in _WORDS:
            why = self._said(written)
        elif action in {Action.RELEASE, Action.ADVANCE}:
            self._led(written)
        if why:
            self._void.append(Void(written, why))
        return why

    def result(self) -> ModelStanding:
        """What came of it."""
        return ModelStanding(
            self._model,
            self._champion,
            self._challenger(),
            dict(self._versions),
            dict(self._verdicts),
            tuple(self._history),
            tuple(self._void),
            self._on_its_way[1] if self._on_its_way else None,
        )

    def _challenger(self) -> str | None:
        since = {one.before: one.number for one in self._history}  # until when each was champion
        for version in reversed(list(self._versions.values())):
            if (
                version.passed
                and version.last is not None
                and version.bundle != self._champion
                and not version.rejections
                and not version.quarantined
                and version.last.written.entry.number > since.get(version.bundle, 0)
            ):
                return version.bundle
        return None

    def _judged(self, written: Written) -> None:
        decision = written.entry.decision
        bundle = decision.subjects.get(decisions.BUNDLE, "")
        given = Given(
            decision.subjects.get(decisions.VERDICT, ""),
            decision.details.get(decisions.PASSED) is True,
            decision.subjects.get(decisions.CHAMPION),
            written,
        )
        self._verdicts[bundle] = (*self._verdicts.get(bundle, ()), given)
        if bundle in self._versions:
            self._versions[bundle] = replace(self._versions[bundle], verdicts=self._verdicts[bundle])

    def _registered(self, written: Written) -> str | None:
        subjects = written.entry.decision.subjects
        bundle, number = subjects.get(decisions.BUNDLE, ""), subjects.get(decisions.VERSION, "")
        if bundle in self._versions:
            return f"bundle {bundle[:12]} is version {self._versions[bundle].number} already"
        if any(one.number == number for one in self._versions.values()):
            return f"version {number} is another bundle"
        self._versions[bundle] = VersionStanding(bundle, number, written, self._verdicts.get(bundle, ()))
        return None

    def _said(self, written: Written) -> str | None:
        """Somebody's word on a version."""
        decision = written.entry.decision
        version = self._versions.get(decision.subjects.get(decisions.BUNDLE, ""))
        if version is None or decision.subjects.get(decisions.VERSION, version.number) != version.number:
            return "it names no version" if decision.action in _ON_VERSIONS else None
        self._versions[version.bundle] = _with_word(version, written)
        return None

    def _promoted(self, written: Written) -> str | None:
        decision = written.entry.decision
        version = self._versions.get(decision.subjects.get(decisions.BUNDLE, ""))
        why = self._unfit(version, decision.subjects.get(decisions.REPLACES))
        if why or version is None:
            return why
        override = decision.action is Action.OVERRIDE
        if override and not decision.reason.strip():
            return "an override takes a reason"
        if not override and (why := unproven(version, decision.subjects.get(decisions.VERDICT, ""), self._champion)):
            return why
        self._versions[version.bundle] = replace(
            version,
            promotions=(*version.promotions, written),
            overrides=(*version.overrides, written) if override else version.overrides,
            quarantined=None,
        )
        self._become(version.bundle, written)
        return None

    def _led(self, written: Written) -> None:
        """A release goes on its way, or has reached everybody."""
        decision = written.entry.decision
        number = decision.subjects.get(decisions.RELEASE, "")
        if decision.action is Action.RELEASE:
            self._on_its_way = number, decision.subjects.get(decisions.BUNDLE, "")
        elif decision.details.get(decisions.FINISH) is True and self._on_its_way and self._on_its_way[0] == number:
            self._on_its_way = None

    def _rolled_back(self, written: Written) -> str | None:
        subjects = written.entry.decision.subjects
        version, other = self._versions.get(subjects.get(decisions.BUNDLE, "")), subjects.get(decisions.REPLACES)
        gone = subjects.get(decisions.UNDOES, other)
        stays = version is not None and gone != other and version.bundle == self._champion == other
        if (why := None if stays else self._unfit(version, other)) or version is None or other is None or gone is None:
            return why or "there was no champion to replace"
        on_its_way = self._on_its_way[1] if self._on_its_way else None
        if why := why_unasked(written.roles, written.entry.decision.details, gone, on_its_way):
            return why
        if not version.promotions:
            return f"version {version.number} has never been champion"
        if version.quarantined:
            return f"version {version.number} is quarantined"
        if gone == version.bundle or gone not in self._versions:
            return f"it quarantines {named_bundle(gone)}, which is no other version"
        self._versions[gone] = replace(self._versions[gone], quarantined=written, approvals=())
        if not stays:
            self._become(version.bundle, written)
        return None

    def _unfit(self, version: VersionStanding | None, replaces: str | None) -> str | None:
        """Why it cannot become champion at this place, whatever speaks for it."""
        if version is None:
            return "it names no version"
        if replaces != self._champion:
            return f"it replaces {named_bundle(replaces)}, and the champion was {named_bundle(self._champion)} by then"
        if version.bundle == self._champion:
            return f"version {version.number} was champion already"
        return None

    def _become(self, bundle: str, written: Written) -> None:
        self._history.append(Change(self._champion, bundle, written))
        self._champion = bundle


_ON_VERSIONS: Final = frozenset({Action.APPROVE, Action.REJECT, Action.COMMENT})
_WORDS: Final = frozenset({Action.APPROVE, Action.REJECT, Action.COMMENT, Action.REFUSE, Action.RESTORE})


def _with_word(version: VersionStanding, written: Written) -> VersionStanding:
    """The version, and what was said of it."""
    match written.entry.decision.action:
        case Action.COMMENT:
            return replace(version, comments=(*version.comments, written))
        case Action.REFUSE:
            return replace(version, refusals=(*version.refusals, written))
        case Action.RESTORE:
            return replace(version, restorations=(*version.restorations, written))
    approvals = tuple(one for one in version.approvals if one.speaker != written.speaker)
    rejections = tuple(one for one in version.rejections if one.speaker != written.speaker)
    if written.entry.decision.action is Action.APPROVE:
        return replace(version, approvals=(*approvals, written), rejections=rejections)
    return replace(version, approvals=approvals, rejections=(*rejections, written))
