"""A ledger in a real store, and people with real keys who decide."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from slipway.platform.identity import People, Person, PersonSigner, Role, TrustedKey, sign
from slipway.platform.ledger.entry import PAYLOAD, Action, Decision, Entry, digest_of, entry_key
from slipway.platform.ledger.heads import KEY, Head
from slipway.platform.ledger.ledger import Ledger, Written
from slipway.platform.store import Store

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""The first entry is from then; keys are trusted since the day before."""


def known(name: str, *roles: Role, service: bool = False) -> PersonSigner:
    """Someone with a new key."""
    signer = CryptoSigner.generate_ed25519()
    key = TrustedKey.of(signer.public_key, BEGIN - timedelta(days=1))
    return PersonSigner(Person(name=name, roles=roles, service=service, key=(key,)), key, signer)


def comment(nonce: object, actor: str = "ada", **fields: Any) -> Decision:
    return Decision(action=Action.COMMENT, model="vehicle-reid", actor=actor, nonce=str(nonce), **fields)


def chain(signer: PersonSigner, length: int, decide: Callable[[int], Decision] = comment) -> Iterator[bytes]:
    """Envelopes as a ledger has them, one a second, without the cost of a store."""
    previous = ""
    for number in range(1, length + 1):
        at = BEGIN + timedelta(seconds=number)
        entry = Entry(number=number, previous=previous, at=at, decision=decide(number))
        envelope = sign(signer, entry.to_bytes(), PAYLOAD)
        previous = digest_of(envelope)
        yield envelope


def lay(root: Path, signer: PersonSigner, length: int) -> None:
    """A ledger of that length in a directory store, written past it."""
    envelope = b""
    for number, envelope in enumerate(chain(signer, length), start=1):
        path = root / entry_key(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(envelope)
    (root / KEY).write_bytes(Head(number=length, digest=digest_of(envelope)).to_bytes())


class Counted:
    """A store that counts what it is asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found):
            return found

        def asked(*arguments: Any) -> Any:
            self.asked[name] += 1
            return found(*arguments)

        return asked


@dataclass
class World:
    """A store, everyone, and one ledger to write with."""

    folder: Path
    store: Store
    signers: dict[str, PersonSigner]
    ledger: Ledger

    @property
    def people(self) -> People:
        return People(tuple(one.person for one in self.signers.values()), "people.toml")

    def write(self, decision: Decision, signer: str | None = None) -> Written:
        return self.ledger.append(decision, self.signers[signer or decision.actor])

    def fill(self, number: int) -> list[Written]:
        return [self.write(comment(index)) for index in range(number)]

    def reader(self, *, cache: bool = False, store: Store | None = None) -> Ledger:
        return Ledger(store or self.store, self.people, self.folder / "cache" if cache else None)

    def change(self, name: str, **fields: Any) -> None:
        """Let the people file say something else about someone."""
        signer = self.signers[name]
        self.signers[name] = replace(signer, person=signer.person.model_copy(update=fields))
        self.ledger = Ledger(self.store, self.people, now=self.ledger._now)
