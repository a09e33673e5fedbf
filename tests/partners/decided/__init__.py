"""A ledger in a real store, and people with real keys who decide."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from slipway.platform.identity import People, Person, PersonSigner, Role, TrustedKey
from slipway.platform.ledger.entry import Action, Decision
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
