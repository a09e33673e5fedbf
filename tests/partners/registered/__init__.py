"""A project with people and their keys, and versions that go the whole way to champion, beside a real MLflow."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from slipway.platform.identity import PersonSigner, Role
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.identity.people_changes import Trust, trusting
from slipway.platform.identity.people_store import PeopleStore
from slipway.platform.identity.signers import trusted_entry
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.registry.decisions import About, registered, verdict_given
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.guard import Guard
from slipway.platform.registry.guard_settled import Settled, note_settled
from slipway.platform.registry.guarding import wanted_aliases
from slipway.platform.registry.records import VersionRecord, version_key
from slipway.platform.registry.standing import ModelStanding
from slipway.platform.registry.verdict import Checked, Verdict
from slipway.platform.registry.verdicts import bind_verdict
from slipway.platform.settings import load

SECRET = "quiet-as-a-parked-car"
BEGIN = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
PEOPLE = {
    "ada": (Role.TRAINER,),
    "ben": (Role.APPROVER,),
    "cleo": (Role.RELEASER, Role.ON_CALL),
    "gates": (Role.GATE_SERVICE,),
    "guard": (Role.GUARD_SERVICE,),
}


@dataclass
class Project:
    """A project folder, and a model in it whose versions are called by a letter."""

    folder: Path
    environ: dict[str, str]
    model: str
    verdicts: dict[str, str] = field(default_factory=dict)
    """Key of the last verdict on a bundle."""
    bundles: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.loaded = load(self.folder, self.environ)
        self.desk = Desk.of(self.loaded)
        identity = self.loaded.settings.identity
        ring, people = KeyRing(identity.keys), PeopleStore(identity.people)
        for name, roles in PEOPLE.items():
            ring.make(name)
            trust = Trust(name=name, key=ring.load(name).public_key, roles=roles, service=name in ("gates", "guard"))
            people.update(partial(trusting, trust=trust, since=BEGIN))

    def signer(self, name: str) -> PersonSigner:
        key = KeyRing(self.loaded.settings.identity.keys).load(name)
        return PersonSigner(*trusted_entry(name, key.public_key.keyid, self.desk.people), key)

    def bundle(self, letter: str) -> str:
        """The digest of a bundle that nobody looks into; `bundles` has others."""
        return self.bundles.get(letter) or sha256(f"{self.model} {letter}".encode()).hexdigest()

    def standing(self) -> ModelStanding:
        return self.desk.standing(self.model)

    def register(self, letter: str) -> str:
        """A version in MLflow, the store and the ledger, which has passed against today's champion; its number."""
        bundle, registry = self.bundle(letter), self.desk.registry
        self.judge(letter)
        registry.ensure_model(self.model, description="", tags={})
        made = registry.create_version(
            self.model, source=f"slipway:/{bundle}", run_id="", description="", tags={"bundle": bundle}
        )
        record = VersionRecord(
            bundle=bundle, model=self.model, number=made.number, verdict=self.verdicts[letter], risk="limited",
            registered_by="ada", trained_by=("ada",), nonce=letter, at=BEGIN,
        )  # fmt: skip
        record.bind(self.desk.store, version_key(bundle))
        about = About(self.model, bundle, made.number, self.verdicts[letter])
        decision = registered(about, actor="ada", nonce=letter, needed=1, barred=("ada",))
        self.desk.ledger.append(decision, self.signer("ada"))
        return made.number

    def judge(self, letter: str, *, passed: bool = True) -> None:
        checked = Checked(
            gate="floor",
            name="accuracy",
            state="passed" if passed else "failed",
            sentence="accuracy is 0.7, at least 0.8.",
        )
        verdict = Verdict(
            model=self.model, bundle=self.bundle(letter), champion=self.standing().champion, snapshot="d" * 64,
            gates="e" * 64, code=uuid4().hex * 2, checks=(checked,), judged_at=datetime.now(UTC),
        )  # fmt: skip
        bind_verdict(self.desk.store, self.desk.people, verdict, self.signer("gates"))
        self.desk.ledger.append(verdict_given(verdict, actor="gates", nonce=uuid4().hex), self.signer("gates"))
        self.verdicts[letter] = verdict.key

    def decide(self, action: Action, letter: str, who: str, *, replaces: str | None = None) -> None:
        number = self.standing().versions[self.bundle(letter)].number
        about = About(self.model, self.bundle(letter), number, self.verdicts[letter], replaces)
        decision = about.decided(action, actor=who, nonce=uuid4().hex, reason="because")
        self.desk.ledger.append(decision, self.signer(who))

    def approve(self, letter: str) -> None:
        self.decide(Action.APPROVE, letter, "ben")

    def promote(self, letter: str, *, alias: bool = True) -> None:
        """Write the ledger, and if wanted MLflow's aliases and the note of that."""
        self.decide(Action.PROMOTE, letter, "cleo", replaces=self.standing().champion)
        assert self.standing().champion == self.bundle(letter)
        if alias:
            self.settle()

    def settle(self) -> None:
        wanted = {alias: number for alias, number in wanted_aliases(self.standing()).items() if number}
        for alias, number in wanted.items():
            self.desk.registry.set_alias(self.model, alias, number)
        for alias in self.aliases().keys() - wanted.keys():
            self.desk.registry.delete_alias(self.model, alias)
        note_settled(self.desk.store, self.model, Settled(entry=self.entries()[-1].entry.number, aliases=wanted))

    def champion(self, letter: str) -> str:
        """A version that goes the whole way."""
        number = self.register(letter)
        self.approve(letter)
        self.promote(letter)
        return number

    def set_by_hand(self, number: str, alias: str = "champion") -> None:
        self.desk.registry.set_alias(self.model, alias, number)

    def delete_by_hand(self, alias: str = "champion") -> None:
        self.desk.registry.delete_alias(self.model, alias)

    def aliases(self) -> dict[str, str]:
        return self.desk.registry.aliases(self.model)

    def entries(self, *actions: Action) -> list[Written]:
        """The model's entries of these kinds, or all."""
        found = self.desk.ledger.entries(self.model)
        return [one for one in found if not actions or one.entry.decision.action in actions]

    def tag(self, number: str) -> str:
        found = self.desk.registry.version(self.model, number)
        return found.tags.get("slipway.guard", "") if found else "no version"

    def guard(self) -> Guard:
        return Guard.of(Desk.of(self.loaded))


def make_project(folder: Path, uri: str) -> Project:
    environ = {
        "HOME": str(folder / "home"), "PATH": os.environ["PATH"], "SLIPWAY_MLFLOW__TRACKING_URI": uri,
        "SLIPWAY_MLFLOW__WEBHOOK_SECRET": SECRET,
    }  # fmt: skip
    return Project(folder / "project", environ, f"model-{uuid4().hex[:8]}")
