"""A project with people, a real channel, and champions whose bundles are real: for tests of what leads them to devices.

Keys, signatures, store, ledger, bundles and channel are real. MLflow is where `tracking_uri` says; a test that does not
look at aliases has none, and what is decided does not wait for it.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import uuid4

import small_onnx
from signed_channel.office import Office, Time
from slipway.platform.identity import PersonSigner, Role, signer_for
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.registry.bundles import Kept, keep_bundle
from slipway.platform.registry.decisions import About, registered, verdict_given
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.records import VersionRecord, digest_of, load_version, version_key
from slipway.platform.registry.verdict import Checked, Verdict
from slipway.platform.registry.verdicts import bind_verdict
from slipway.platform.store import open_store
from slipway.serving.channel.looking import Look
from slipway.serving.release.folding import load_rollout
from slipway.serving.release.moving import Move, Moved, finishing, move
from slipway.serving.release.opening import open_repository, open_sides
from slipway.serving.release.rollouts import Rollout
from slipway.serving.release.starting import Started, Wanted, start
from slipway.serving.release.undoing import Undone, undo

MODEL = "small-bays"
NOBODY = "http://127.0.0.1:1"
"""An address where no MLflow is."""
ROLES = {
    "ada": (Role.CHANNEL_ROOT, Role.TRAINER),
    "ben": (Role.CHANNEL_ROOT, Role.APPROVER),
    "cleo": (Role.CHANNEL_ROOT, Role.ON_CALL, Role.OVERRIDE),
    "dora": (Role.RELEASER,),
    "gates": (Role.GATE_SERVICE,),
    "edda": (Role.OPERATOR,),
    "rollouts": (Role.ROLLOUT_SERVICE,),
}


class Meter:
    """Sees how far a drill is."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.total = self.come = 0

    def expect(self, step: str, total: int) -> None:
        self.steps.append(step)
        self.total, self.come = total, 0

    def advance(self, count: int) -> None:
        self.come += count


@dataclass
class Site(Office):
    """The project; versions are called by a letter."""

    time: Time = field(default_factory=lambda: Time(datetime.now(UTC)))
    bundles: dict[str, str] = field(default_factory=dict)
    """Digests by letter."""
    numbers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environ = {"SLIPWAY_MLFLOW__TRACKING_URI": NOBODY, **self.environ}
        super().__post_init__()

    def open(self) -> "Site":
        """Everybody is known, and the channel begun."""
        self.known(ROLES)
        assert self.repository().found() == ()
        return self

    def found_again(self) -> "Site":
        """The same, where the folder is a copy."""
        for folder in sorted((self.root / "bundles").iterdir()):
            kept = self.kept(folder.name)
            self.bundles[folder.name] = kept.digest
            self.numbers[folder.name] = load_version(self.own.store, kept.digest).number
        return self

    def desk(self, by: str, *keys: str) -> Desk:
        """Where somebody works; with `keys` on a machine that has these people's alone."""
        environ = {"SLIPWAY_IDENTITY__PERSON": by}
        if keys:
            self.alone(*keys)
            environ["HOME"] = str(self.root / ("home-of-" + "-".join(keys)))
        loaded = self.loaded(**environ)
        return Desk(loaded, open_store(loaded.settings.store, loaded.settings.s3), self.time.now)

    @cached_property
    def own(self) -> Desk:
        return self.desk("gates")

    def signer(self, by: str) -> PersonSigner:
        return signer_for(self.desk(by).loaded.settings.identity, self.people())

    @property
    def rollout(self) -> Rollout:
        return load_rollout(self.own, MODEL)[0]

    @property
    def champion(self) -> str | None:
        """The letter of the champion."""
        bundle = self.own.standing(MODEL).champion
        return next((letter for letter, one in self.bundles.items() if one == bundle), None)

    def entries(self, *actions: Action) -> list[Written]:
        found = self.own.ledger.entries(MODEL)
        return [one for one in found if not actions or one.entry.decision.action in actions]

    def look(self) -> Look:
        """What a device that was never online before is told now."""
        return self.client(self.root / f"trust-{uuid4().hex}").look(MODEL, now=self.time.now())

    def told(self) -> tuple[int | None, int | None]:
        """The numbers of base and target that devices are told."""
        pointer = self.look().pointer
        return pointer.base.number if pointer.base else None, pointer.target.number if pointer.target else None

    def register(self, letter: str, **parts: Any) -> None:
        """A version; its bundle answers by its letter."""
        folder = self.root / "bundles" / letter
        made = small_onnx.bundle(folder, ord(letter), model=MODEL, **parts)
        keep_bundle(self.own.store, folder)
        self.bundles[letter], self.numbers[letter] = made.digest, str(len(self.numbers) + 1)
        verdict = self.judge(letter)
        record = VersionRecord(
            bundle=made.digest, model=MODEL, number=self.numbers[letter], verdict=verdict, risk="limited",
            registered_by="ada", trained_by=("ada",), nonce=letter, at=self.time.now(),
        )  # fmt: skip
        record.bind(self.own.store, version_key(made.digest))
        told = registered(
            self.about(letter, verdict), actor="ada", nonce=letter, needed=1, barred=("ada",),
            record=digest_of(self.own.store, made.digest),
        )  # fmt: skip
        self.own.ledger.append(told, self.signer("ada"))

    def judge(self, letter: str, **parts: Any) -> str:
        """A passing verdict against today's champion; its key."""
        checked = Checked(gate="floor", name="accuracy", state="passed", sentence="accuracy is 0.9, at least 0.8.")
        verdict = Verdict(
            model=MODEL, bundle=self.bundles[letter], champion=self.own.standing(MODEL).champion, snapshot="d" * 64,
            gates="e" * 64, code=uuid4().hex * 2, checks=(checked,), judged_at=self.time.now(), **parts,
        )  # fmt: skip
        bind_verdict(self.own.store, self.own.people, verdict, self.signer("gates"))
        self.own.ledger.append(verdict_given(verdict, actor="gates", nonce=uuid4().hex), self.signer("gates"))
        return verdict.key

    def about(self, letter: str, verdict: str = "", replaces: str | None = None) -> About:
        return About(MODEL, self.bundles[letter], self.numbers[letter], verdict, replaces)

    def decide(self, action: Action, about: About, by: str) -> Written:
        decision = about.decided(action, actor=by, nonce=uuid4().hex, reason="because")
        return self.own.ledger.append(decision, self.signer(by))

    def promote(self, letter: str, *, action: Action = Action.PROMOTE) -> None:
        """Judge it against today's champion, let ben approve it, and make it champion by the ledger."""
        if letter not in self.bundles:
            self.register(letter)
        verdict = self.judge(letter)
        if action is Action.PROMOTE:
            self.decide(Action.APPROVE, self.about(letter, verdict), "ben")
        by = "dora" if action is Action.PROMOTE else "cleo"
        self.decide(action, self.about(letter, verdict, self.own.standing(MODEL).champion), by)
        assert self.champion == letter

    def start(self, by: str = "dora", *keys: str, given: str = MODEL, **wanted: Any) -> Started:
        desk = self.desk(by, *keys)
        return start(desk, given, open_sides(desk), Wanted(**wanted), Meter(), lambda _: None)

    def move(self, wanted: Move, by: str = "dora", *keys: str, **said: Any) -> Moved:
        desk = self.desk(by, *keys)
        return move(desk, open_repository(desk), MODEL, wanted, **said)

    def undo(self, by: str = "cleo", *keys: str, reason: str = "wrong at night", **said: Any) -> Undone:
        desk = self.desk(by, *keys)
        return undo(desk, lambda: open_repository(desk), MODEL, reason=reason, **said)

    def release(self, *letters: str, promoted: bool = False) -> None:
        """Each is promoted, released and finished."""
        for letter in letters:
            if not promoted:
                self.promote(letter)
            self.start()
            self.move(finishing())

    def kept(self, letter: str) -> Kept:
        return Kept((self.root / "bundles" / letter / "manifest.json").read_bytes())
