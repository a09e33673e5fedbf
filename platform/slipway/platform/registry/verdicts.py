"""Verdicts in the store: bound once, signed by the gates, believed only after their signature was checked.

    verdicts/<key>.json               the envelope
    verdicts-of/<bundle>/<key>.json   an empty record, so that a bundle's verdicts are found without reading all

A verdict is about one bundle, one champion and one evaluation snapshot. `objection` says why it does not decide what it
is brought forward for: it speaks of another bundle, or of a champion that is no longer the one.
"""

from typing import Final

from slipway.platform.errors import SlipwayError
from slipway.platform.identity import IdentityError, NotTrusted, People, PersonSigner, Role, sign, verify
from slipway.platform.registry.verdict import FOLDER, PAYLOAD, Verdict
from slipway.platform.runs.errors import RecordDamaged
from slipway.platform.store import ObjectMissing, Store

INDEX: Final = "verdicts-of"
SUFFIX: Final = ".json"
SHOWN: Final = 12


class VerdictMissing(SlipwayError):
    """There is no verdict of that name."""


class VerdictRefused(SlipwayError):
    """A verdict that does not count: nobody who may has signed it, or it is not what its name says."""


class VerdictUntrusted(VerdictRefused):
    """Whoever signed it does not count, or no longer: a key that was revoked, a role that was taken away."""


def bind_verdict(store: Store, people: People, verdict: Verdict, signer: PersonSigner) -> Verdict:
    """Sign it and store it unless there is one of that name; either way the one that counts."""
    if Role.GATE_SERVICE not in signer.person.roles:
        raise NotTrusted(
            f"`{signer.person.name}` is no {Role.GATE_SERVICE} and signs no verdicts.",
            mend=f"`slipway identity trust {signer.person.name} --role {Role.GATE_SERVICE}`, or act as one who is.",
        )
    envelope = sign(signer, verdict.to_bytes(), PAYLOAD)
    store.put_if_absent(index_key(verdict.bundle, verdict.key), b"{}")
    return _opened(store.put_if_absent(verdict_place(verdict.key), envelope), verdict.key, store, people)


def load_verdict(store: Store, people: People, key: str) -> Verdict:
    """The verdict of that name, if somebody who may has signed exactly that."""
    try:
        envelope = store.get(verdict_place(key))
    except ObjectMissing:
        raise VerdictMissing(
            f"{store.url} has no verdict {key[:SHOWN]}.", mend="`slipway gate BUNDLE` makes one."
        ) from None
    return _opened(envelope, key, store, people)


def verdicts_of(store: Store, people: People, bundle: str) -> tuple[Verdict, ...]:
    """All verdicts on a bundle, the newest first.

    Passed over is one that was named and never bound, and one whose signer does not count any more. One that was
    changed is an error: it may have been the newest, and a failed one.
    """
    keys = [place.rpartition("/")[2].removesuffix(SUFFIX) for place in store.list(f"{INDEX}/{bundle}/")]
    found = []
    for key in keys:
        try:
            found.append(load_verdict(store, people, key))
        except (VerdictMissing, VerdictUntrusted):
            continue
    return tuple(sorted(found, key=lambda one: (one.judged_at, one.key), reverse=True))


def stands_for(verdict: Verdict, *, bundle: str, champion: str | None) -> bool:
    """Whether it speaks of this bundle against this champion; `champion` None is that there is none."""
    return not objection(verdict, bundle=bundle, champion=champion)


def objection(verdict: Verdict, *, bundle: str, champion: str | None) -> str:
    """Why it does not speak of this bundle against this champion, in a sentence; empty where it does."""
    if verdict.bundle != bundle:
        return f"The verdict {verdict.key[:SHOWN]} is on the bundle {verdict.bundle[:SHOWN]}, not on {bundle[:SHOWN]}."
    if verdict.champion != champion:
        return (
            f"The verdict {verdict.key[:SHOWN]} was given against {_told(verdict.champion)}; now it is "
            f"{_told(champion)}."
        )
    return ""


def verdict_place(key: str) -> str:
    """Where a verdict lies."""
    return f"{FOLDER}/{key}{SUFFIX}"


def index_key(bundle: str, key: str) -> str:
    """What says that a bundle has this verdict."""
    return f"{INDEX}/{bundle}/{key}{SUFFIX}"


def _opened(envelope: bytes, key: str, store: Store, people: People) -> Verdict:
    """The verdict in an envelope that lay under that name."""
    place = f"{verdict_place(key)} in {store.url}"
    mend = "`slipway gate BUNDLE` judges anew once that object is removed."
    try:
        verified = verify(people, envelope, PAYLOAD, role=Role.GATE_SERVICE)
    except NotTrusted as error:
        raise VerdictUntrusted(f"{place} is refused: {error}", mend=mend) from None
    except IdentityError as error:
        raise VerdictRefused(f"{place} is refused: {error}", mend=mend) from None
    try:
        verdict = Verdict.read(verified.payload, place)
    except RecordDamaged as error:
        raise VerdictRefused(str(error), mend=error.mend) from None
    if verdict.to_bytes() != verified.payload or verdict.key != key:
        raise VerdictRefused(f"{place} is refused: it is the verdict {verdict.key[:SHOWN]}.", mend=mend)
    return verdict


def _told(champion: str | None) -> str:
    return f"the champion {champion[:SHOWN]}" if champion else "no champion"
