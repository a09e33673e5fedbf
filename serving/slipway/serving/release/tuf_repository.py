"""A channel's files, made and signed with python-tuf in a directory or a bucket.

What is signed is bound at once under the next version's name, and shown to devices by `commit`, which writes the
timestamp last. A repository keeps nothing in memory between calls: whoever was killed, or sits at another machine, goes
on from what the store says. Of two who sign the same role at once one is bound; the other reads again and takes the
next version.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from tuf.api.metadata import Metadata, TargetFile, Targets

from slipway.platform.errors import WrongUse
from slipway.platform.identity import People, load_people
from slipway.platform.store import BadKey, ObjectMissing, Store
from slipway.serving.bundle.canonical import canonical, sha256
from slipway.serving.channel import paths
from slipway.serving.channel.limits import MOST
from slipway.serving.channel.pointer import LARGEST_POINTER, Named, Pointer
from slipway.serving.channel.release import LARGEST_RELEASE, Release
from slipway.serving.channel.site import LARGEST_SITE, SitePointer
from slipway.serving.release.metering import SILENT, Meter
from slipway.serving.release.places import channel_store
from slipway.serving.release.roles import CHANNELS, DELEGATED, MODELS, ROOT, SNAPSHOT, TARGETS, TIMESTAMP, role_named
from slipway.serving.release.signing import CannotSign, KeysAtHand
from slipway.serving.release.tuf_bringing import bring
from slipway.serving.release.tuf_files import BadChannel, Document, Files
from slipway.serving.release.tuf_making import keyids_of, make_listing, sign
from slipway.serving.release.tuf_rotating import propose_first, propose_keys, propose_refreshed
from slipway.serving.release.tuf_showing import (
    ATTEMPTS,
    UNREVIEWED_MEND,
    Bench,
    Busy,
    Clock,
    Review,
    Unreviewed,
    Waiting,
    show,
    unreviewed,
)
from slipway.serving.release.tuf_state import State, read_state

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

T = TypeVar("T", bound=BaseModel)
P = TypeVar("P", Pointer, SitePointer)

LOST_MEND: Final = (
    "`slipway channel verify` looks at all of it; `slipway channel keepalive` makes it anew from the ledger."
)

log = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class TufRepository:
    """A channel that this machine may sign for, as far as its keys go."""

    store: Store
    people: People
    bench: Bench = field(repr=False)
    protected: bool = False

    @classmethod
    def open(
        cls,
        loaded: "Loaded",
        *,
        store: Store | None = None,
        people: People | None = None,
        now: Clock = _now,
        review: Review = unreviewed,
    ) -> "TufRepository":
        """The channel of these settings. Nothing is read before it is needed.

        `review` is asked before a new key of models signs what a former one listed; without one nothing is so signed.
        """
        settings = loaded.settings
        store = store or channel_store(loaded)
        people = people or load_people(settings.identity.people)
        keys = KeysAtHand(settings.identity, people)
        bench = Bench(Files(store), keys, settings.channel.expiry_days, now, review)
        return cls(store, people, bench, settings.protected)

    def exists(self) -> bool:
        """Whether there is a channel: a first root that enough have signed."""
        return read_state(self.bench.files) is not None

    def found(self, holders: Mapping[str, Sequence[str]] | None = None) -> tuple[Waiting, ...]:
        """Begin a channel, or go on with beginning it; what others must sign for it to be whole.

        `holders` names who holds a role; without it everybody does who may.
        """
        if not self.exists():
            propose_first(self.bench, self.people, holders or {}, protected=self.protected)
        return self.complete()

    def models(self) -> tuple[str, ...]:
        return tuple(sorted(one.model for one in self.pointers().values() if one is not None))

    def pointers(self) -> dict[str, Pointer | None]:
        """All that is listed as a pointer, by path; None where it cannot be believed."""
        return {path: self._pointer_in(one) for path, one in self._channels() if not path.startswith(paths.SITES)}

    def sites(self) -> dict[str, SitePointer | None]:
        return {path: self._site_in(one) for path, one in self._channels() if path.startswith(paths.SITES)}

    def site(self, site: str) -> SitePointer | None:
        return next((self._site_in(one) for path, one in self._channels() if path == paths.site_path(site)), None)

    def _channels(self) -> list[tuple[str, TargetFile]]:
        return sorted(_listing(self._state().newest(CHANNELS).document).targets.items())

    def pointer(self, model: str) -> Pointer | None:
        """None, and told, where what is listed cannot be believed: it is missing, altered, or makes no sense."""
        state = self._state()
        target = _listing(state.newest(CHANNELS).document).targets.get(paths.pointer_path(model))
        return None if target is None else self._pointer_in(target)

    def senseless(self) -> tuple[str, ...]:
        """What is listed as a pointer or a site and cannot be believed, by path."""
        return tuple(path for path, pointer in (self.pointers() | self.sites()).items() if pointer is None)

    def forget(self, pointers: Collection[str]) -> None:
        """Sign the list of pointers without these paths."""
        for _ in range(ATTEMPTS):
            if self._list(self._state(), CHANNELS, {}, without=pointers):
                return
        raise self._busy()

    def release(self, model: str, bundle: str, number: int) -> Release | None:
        path = paths.release_path(model, bundle, number)
        target = _listing(self._state().newest(MODELS).document).targets.get(path)
        return None if target is None else self._release_in(target)

    def add_release(self, release: Release, files: Mapping[str, Path], meter: Meter = SILENT) -> Release:
        brought = bring(self.store, release, files, meter)
        path = paths.release_path(release.model, release.bundle, release.number)
        for _ in range(ATTEMPTS):
            state = self._state()
            listed = _listing(state.newest(MODELS).document).targets
            there = self._release_in(listed[path]) if path in listed else None
            if there is None:
                _refuse_taken(release, {one: listed[one] for one in listed if one != path})
            elif all(listed.get(name) == file for name, file in brought.items()):
                return there
            else:
                release = there  # what was signed stands; the files are listed as they are
            if self._list(state, MODELS, {**brought, path: self._put(path, _bytes(release))}):
                return release
        raise self._busy()

    def set_pointer(self, pointer: Pointer) -> None:
        path = paths.pointer_path(pointer.model)
        data = _bytes(pointer)
        if len(data) > LARGEST_POINTER:
            raise WrongUse(f"The pointer of {pointer.model} has {len(data):,} bytes; at most {LARGEST_POINTER:,}.")
        for _ in range(ATTEMPTS):
            state = self._state()
            listed = _listing(state.newest(CHANNELS).document).targets.get(path)
            before = None if listed is None else self._pointer_in(listed)
            if before == pointer:
                return
            pointer = _next(before, pointer, state, pointer.model, lost=listed is not None and before is None)
            models = _listing(state.newest(MODELS).document).targets
            for named in (pointer.base, pointer.target, *(one.release for one in pointer.pins)):
                _check_released(pointer.model, named, models)
            if self._list(state, CHANNELS, {path: self._put(path, _bytes(pointer))}):
                return
        raise self._busy()

    def set_site(self, pointer: SitePointer) -> None:
        path = paths.site_path(pointer.site)
        for _ in range(ATTEMPTS):
            state = self._state()
            listed = _listing(state.newest(CHANNELS).document).targets.get(path)
            before = None if listed is None else self._site_in(listed)
            if before == pointer:
                return
            pointer = _next(before, pointer, state, pointer.site, lost=listed is not None and before is None)
            if self._list(state, CHANNELS, {path: self._put(path, _bytes(pointer))}):
                return
        raise self._busy()

    def commit(self) -> None:
        for waiting in show(self.bench):
            if waiting.role in {SNAPSHOT, TIMESTAMP}:
                raise self._cannot_sign(waiting.role, waiting.keys, "Devices see nothing of what was signed until")

    def complete(self) -> tuple[Waiting, ...]:
        """Do all that the keys at hand allow: sign drafts, publish them, show; what others must sign."""
        self.bench.sign_drafts(read_state(self.bench.files))
        return show(self.bench)

    def refresh(self, *roles: str) -> tuple[Waiting, ...]:
        """Sign these roles anew, with a new expiry, and show it; all whose keys are here where none is named."""
        wanted = [role_named(role) for role in roles] or [role for role in DELEGATED if self.at_hand(role)]
        offline = [role for role in wanted if role in {ROOT, TARGETS}]
        if offline:
            propose_refreshed(self.bench, self._state(), offline)
            self.bench.sign_drafts(self._state())
        return show(self.bench, {*wanted, SNAPSHOT, TIMESTAMP} - {ROOT, TARGETS})

    def rotate(self, roles: Sequence[str], holders: Sequence[str] = ()) -> tuple[Waiting, ...]:
        """Replace the keys of roles by the newest ones of their holders; what others must sign."""
        wanted = [role_named(role) for role in roles]
        propose_keys(self.bench, self.people, self._state(), wanted, holders, protected=self.protected)
        return self.complete()

    def at_hand(self, role: str) -> bool:
        """Whether this machine can sign a role alone."""
        return bool(self.bench.signers(self._state(), role_named(role)))

    def metadata(self, role: str) -> Metadata[Any]:
        """The newest metadata of a role."""
        document = self._state().newest(role_named(role)).document
        if document is None:
            raise BadChannel(f"The channel at {self.store.url} has no `{role}` yet.", mend="`slipway channel init`")
        return document.metadata

    def root_bytes(self) -> bytes:
        """The newest root, which devices are enrolled with."""
        return self._state().roots[-1].data

    def _state(self) -> State:
        state = read_state(self.bench.files)
        if state is None:
            raise BadChannel(f"There is no channel at {self.store.url}.", mend="`slipway channel init` begins one.")
        return state

    def _list(self, state: State, role: str, added: Mapping[str, TargetFile], without: Collection[str] = ()) -> bool:
        """Sign a role with these files added, or left out; False where another was quicker."""
        signers = self.bench.signers(state, role)
        if not signers:
            targets = state.targets.document
            keys, _ = keyids_of(role, state.root, targets.signed if targets else None)
            raise self._cannot_sign(role, keys, "Nothing was signed;")
        newest = state.newest(role)
        if objections := self.bench.objections(role, newest):
            raise Unreviewed(f"`{role}` is not signed: {objections[0]}", mend=UNREVIEWED_MEND)
        listing = make_listing(
            _listing(newest.document), newest.free, added, role, now=self.bench.now(), expiries=self.bench.expiries
        )
        for path in without:
            listing.targets.pop(path, None)
        return self.bench.files.bind(sign(role, listing, signers))

    def _put(self, path: str, data: bytes) -> TargetFile:
        self.store.put(paths.stored_path(path, sha256(data)), data)
        return TargetFile.from_data(path, data, ["sha256"])

    def _pointer_in(self, target: TargetFile) -> Pointer | None:
        found = self._believed(Pointer, target, LARGEST_POINTER)
        if found is not None and (paths.pointer_path(found.model) != target.path or found.sequence >= MOST):
            log.warning("%s in %s speaks of %s, sequence %s", target.path, self.store.url, found.model, found.sequence)
            return None
        return found

    def _site_in(self, target: TargetFile) -> SitePointer | None:
        found = self._believed(SitePointer, target, LARGEST_SITE)
        if found is not None and (paths.site_path(found.site) != target.path or found.sequence >= MOST):
            log.warning("%s in %s speaks of %s, sequence %s", target.path, self.store.url, found.site, found.sequence)
            return None
        return found

    def _release_in(self, target: TargetFile) -> Release | None:
        found = self._believed(Release, target, LARGEST_RELEASE)
        if found is None or paths.release_path(found.model, found.bundle, found.number) != target.path:
            return None
        return found

    def _believed(self, kind: type[T], target: TargetFile, most: int) -> T | None:
        try:
            return self._content(kind, target, most)
        except BadChannel as error:
            log.warning("%s", error)
            return None

    def _content(self, kind: type[T], target: TargetFile, most: int) -> T:
        digest = target.hashes.get("sha256", "")
        key = paths.stored_path(target.path, digest)
        try:
            data = self.store.open_range(key, 0, most + 1)
        except (ObjectMissing, BadKey):
            raise BadChannel(f"{key} in {self.store.url} is not there.", mend=LOST_MEND) from None
        try:
            if len(data) <= most and sha256(data) == digest:
                return kind.model_validate_json(data)
            what = "has another sha256 than its name says"
        except ValidationError as error:
            what = f"makes no sense: {error.errors(include_url=False)[0]['msg']}"
        raise BadChannel(f"{key} in {self.store.url} {what}.", mend=LOST_MEND)

    def _cannot_sign(self, role: str, keyids: Collection[str], meanwhile: str) -> CannotSign:
        names = sorted({held[0].name for keyid in keyids if (held := self.people.holder(keyid))}) or ["nobody known"]
        return CannotSign(
            f"{meanwhile} `{role}` is signed by {' or '.join(names)}, and no such key is on this machine.",
            mend=f"Do it where that key is: {', '.join(names)}.",
        )

    def _busy(self) -> Busy:
        return Busy(f"{self.store.url} was changed by others {ATTEMPTS} times in a row.", mend="Try again.")


def _listing(document: Document | None) -> Targets:
    signed: Targets = document.signed if document else Targets()
    return signed


def _bytes(model: BaseModel) -> bytes:
    return canonical(model.model_dump(mode="json"))


def _refuse_taken(release: Release, listed: Mapping[str, TargetFile]) -> None:
    """A number belongs to one bundle."""
    suffix = f"/{release.number}.release.json"
    for path in listed:
        if path.startswith(f"models/{release.model}/") and path.endswith(suffix):
            raise WrongUse(
                f"Release {release.number} of {release.model} is bundle {path.split('/')[2]}; a number is given once.",
                mend="Take the next number.",
            )


def _next(before: P | None, pointer: P, state: State, whose: str, *, lost: bool) -> P:
    """What is signed after the one that is there.

    In place of one that cannot be believed it lies above what that can have had: each took a version of the list.
    """
    if lost:
        return pointer.model_copy(update={"sequence": pointer.sequence + state.newest(CHANNELS).free})
    least = before.sequence + 1 if before else 1
    if pointer.sequence < least:
        raise WrongUse(
            f"Expected sequence {least} or higher of the pointer of {whose}, found {pointer.sequence}.",
            mend="Read the pointer again: somebody else moved it.",
        )
    return pointer


def _check_released(model: str, named: Named | None, listed: Mapping[str, TargetFile]) -> None:
    if named is not None and paths.release_path(model, named.bundle, named.number) not in listed:
        raise WrongUse(f"The channel has no release {named.number} of {model} with bundle {named.bundle}.")
