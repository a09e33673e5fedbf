"""A project with a ledger, whose one model goes to devices by plans: what controllers lead in a simulation.

People, keys, signatures, verdicts, approvals, ledger and channel are real, and lie in one folder. There is no MLflow:
what is decided does not wait for it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from tuf.api.metadata import Targets

from slipway.platform.identity import Role
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.ledger.ledger import Ledger
from slipway.platform.registry.bundles import keep_bundle
from slipway.platform.registry.decisions import About, registered, verdict_given
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.records import VersionRecord, digest_of, version_key
from slipway.platform.registry.verdict import Checked, Verdict
from slipway.platform.registry.verdicts import bind_verdict
from slipway.platform.store import Store, open_store
from slipway.serving.channel.pointer import Pointer
from slipway.serving.fleet.simulation.clock import VirtualTime
from slipway.serving.fleet.simulation.office import Office, Time
from slipway.serving.fleet.simulation.own_channel import small_bundle
from slipway.serving.fleet.simulation.runtime import Plan
from slipway.serving.release import plan as plans
from slipway.serving.release.folding import load_rollout
from slipway.serving.release.keeping import keep
from slipway.serving.release.metering import SILENT
from slipway.serving.release.moving import Move, move
from slipway.serving.release.opening import open_sides
from slipway.serving.release.places import channel_store
from slipway.serving.release.reviewing import review
from slipway.serving.release.rollouts import Released, Rollout
from slipway.serving.release.starting import Wanted, start
from slipway.serving.release.tuf_repository import TufRepository
from slipway.serving.release.undoing import undo

MODEL: Final = "led-bays"
NOBODY: Final = "http://127.0.0.1:1"
"""An address where no MLflow is."""
ROLES: Final = {
    "ada": (Role.CHANNEL_ROOT, Role.TRAINER),
    "ben": (Role.CHANNEL_ROOT, Role.APPROVER),
    "cleo": (Role.CHANNEL_ROOT, Role.ON_CALL),
    "dora": (Role.RELEASER,),
    "gates": (Role.GATE_SERVICE,),
    "rollouts": (Role.ROLLOUT_SERVICE,),
}
SOAK, DEADLINE = timedelta(minutes=20), timedelta(days=1)
SAMPLE: Final = plans.Sample(decisions=1_000, devices=5)
FIRST: Final = plans.PlannedWave(name="canary", share=40, soak=SOAK, sample=SAMPLE, deadline=DEADLINE)
PLAN: Final = plans.Plan(
    waves=(FIRST, plans.PlannedWave(name="all", soak=SOAK, sample=SAMPLE, deadline=DEADLINE)),
    limits=plans.Limits(errors=0.005, latency=1.2, divergence=None),
)
Wrapped = Callable[[Store], Store]


class Project:
    """In a folder, on the simulation's time."""

    model = MODEL

    def __init__(self, folder: Path, time: VirtualTime, *, silent_minutes: float) -> None:
        self._time, self._desks, self._made = time, dict[str, Desk](), 0
        folder.mkdir(parents=True)
        self._bundles = folder / "bundles"
        self._bundles.mkdir()
        environ = {"SLIPWAY_MLFLOW__TRACKING_URI": NOBODY, "SLIPWAY_FLEET__SILENT_MINUTES": str(silent_minutes)}
        self._office = Office(folder / "office", environ, _Following(time)).known(ROLES)
        self._office.repository().found()

    @property
    def folder(self) -> Path:
        """What devices read."""
        return self._office.folder

    def root(self) -> bytes:
        """The root that devices are enrolled with."""
        return self._office.repository().root_bytes()

    def desk(self, by: str, wrapped: Wrapped = lambda store: store) -> Desk:
        """Where somebody works, with the ledger on the simulation's time."""
        loaded = self._office.loaded(SLIPWAY_IDENTITY__PERSON=by)
        desk = Desk(loaded, wrapped(open_store(loaded.settings.store, loaded.settings.s3)), self._time.now)
        cache = loaded.settings.data.cache / "ledger"
        vars(desk)["ledger"] = Ledger(desk.store, desk.people, cache, now=self._time.now)
        return desk

    def repository(self, desk: Desk, wrapped: Wrapped = lambda store: store) -> TufRepository:
        """The channel, as `release.opening` opens it."""
        store = wrapped(channel_store(desk.loaded))
        objections = partial(_objections, desk=desk, store=store)
        return TufRepository.open(desk.loaded, store=store, people=desk.people, now=desk.now, review=objections)

    def promote(self, plan: Plan) -> None:
        """A new version passes its gates, is approved and becomes champion."""
        self._made += 1
        number = str(self._made)
        folder = self._bundles / number
        made = small_bundle(folder, self._made, plan, model=MODEL)
        gates = self._own("gates")
        keep_bundle(gates.store, folder)
        verdict = self._judged(made.digest)
        record = VersionRecord(
            bundle=made.digest, model=MODEL, number=number, verdict=verdict.key, risk="limited", registered_by="ada",
            trained_by=("ada",), nonce=number, at=self._time.now(),
        )  # fmt: skip
        record.bind(gates.store, version_key(made.digest))
        about = About(MODEL, made.digest, number, verdict.key)
        known = digest_of(gates.store, made.digest)
        told = registered(about, actor="ada", nonce=f"register-{number}", needed=1, barred=("ada",), record=known)
        ada = self._own("ada")
        ada.ledger.append(told, ada.signer)
        self._decide("ben", Action.APPROVE, about)
        self._decide("dora", Action.PROMOTE, About(MODEL, made.digest, number, verdict.key, verdict.champion))

    def start(self, plan: plans.Plan | None) -> Released:
        """The champion becomes a release."""
        desk = self._own("dora")
        wanted = Wanted() if plan is None else Wanted(wave=plan.waves[0].wave, plan=plan, said=True)
        return start(desk, MODEL, open_sides(desk), wanted, SILENT, lambda _: None).released

    def move(self, wanted: Move) -> None:
        """A person lets it go on, or finishes it."""
        desk = self._own("dora")
        move(desk, self.repository(desk), MODEL, wanted, reason="a person looked at it")

    def undo(self) -> None:
        """A person undoes what is on its way."""
        desk = self._own("cleo")
        undo(desk, lambda: self.repository(desk), MODEL, reason="a person looked at it")

    def renew(self) -> None:
        """The service that keeps the channel fresh does its work."""
        desk = self._own("rollouts")
        keep(self.repository(desk), desk)

    @property
    def rollout(self) -> Rollout:
        """Where it stands."""
        return load_rollout(self._own("gates"), MODEL)[0]

    @property
    def pointer(self) -> Pointer | None:
        """What devices are told."""
        return self.repository(self._own("gates")).pointer(MODEL)

    def entries(self) -> list[Written]:
        """All decisions about the model."""
        return list(self._own("gates").ledger.entries(MODEL))

    def _own(self, by: str) -> Desk:
        if by not in self._desks:
            self._desks[by] = self.desk(by)
        return self._desks[by]

    def _judged(self, bundle: str) -> Verdict:
        """A passing verdict against today's champion."""
        desk = self._own("gates")
        checked = Checked(gate="floor", name="accuracy", state="passed", sentence="accuracy is 0.9, at least 0.8.")
        verdict = Verdict(
            model=MODEL, bundle=bundle, champion=desk.standing(MODEL).champion, snapshot="d" * 64, gates="e" * 64,
            code="f" * 64, checks=(checked,), judged_at=self._time.now(),
        )  # fmt: skip
        bind_verdict(desk.store, desk.people, verdict, desk.signer)
        desk.ledger.append(verdict_given(verdict, actor="gates", nonce=bundle), desk.signer)
        return verdict

    def _decide(self, by: str, action: Action, about: About) -> None:
        desk = self._own(by)
        nonce = f"{action.value}-{about.version}"
        desk.ledger.append(about.decided(action, actor=by, nonce=nonce, reason="it is good"), desk.signer)


class _Following(Time):
    """The office's clock, which is the simulation's."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__(time.now())
        self._time = time

    def now(self) -> datetime:
        return self._time.now()


def _objections(listed: Targets, *, desk: Desk, store: Store) -> Sequence[str]:
    return review(listed, desk, store).problems
