"""Where rollouts stand, for people: by the ledger, and by what the channel tells devices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from slipway.platform.errors import SlipwayError as PlatformError
from slipway.platform.ledger.describing import moment, plain
from slipway.platform.ledger.entry import Written
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.standing import ModelStanding
from slipway.serving.channel.pointer import Pointer
from slipway.serving.channel.transport import NotThere
from slipway.serving.errors import SlipwayError
from slipway.serving.release import wording
from slipway.serving.release.converging import empties, equal
from slipway.serving.release.folding import known_rollout, load_rollout, load_rollouts
from slipway.serving.release.opening import open_sides
from slipway.serving.release.rollouts import NO_MINIMUM, Rollout


@dataclass(frozen=True)
class Standing:
    """A model's rollout."""

    rollout: Rollout
    versions: ModelStanding
    pointer: Pointer | None
    now: datetime
    problem: str = ""
    """Why nobody knows what devices are told."""

    @property
    def champion(self) -> str | None:
        """The number of the version that is champion."""
        bundle = self.versions.champion
        return self.versions.versions[bundle].number if bundle else None

    @property
    def shown(self) -> bool:
        """Whether devices are told what the ledger says."""
        return not self.problem and equal(self.rollout, self.pointer, self.now)

    @property
    def channel(self) -> str:
        """What the channel tells."""
        if self.problem:
            return f"devices can learn nothing new: {self.problem}"
        if empties(self.rollout, self.pointer):
            return (
                "devices keep what they run: what led them to it counts no more, and the ledger names nothing instead"
            )
        if not self.shown:
            return "behind the ledger: `slipway channel keepalive` shows it"
        if self.pointer is None:
            return "says nothing yet"
        return f"says so since {moment(self.pointer.signed_at)} UTC (change {self.pointer.sequence})"

    @property
    def row(self) -> tuple[str, ...]:
        """The cells of a table."""
        rollout = self.rollout
        base, target = rollout.base, rollout.target
        return (
            rollout.model,
            f"version {self.champion}" if self.champion else "none",
            wording.named(base) if base else "nothing yet",
            f"{wording.named(target)} {wording.wave(rollout.wave)}" if target else "nothing",
            rollout.state,
            "unknown" if self.problem else "equal" if self.shown else "behind",
        )

    @property
    def _held(self) -> dict[str, str]:
        """What holds something back until a moment."""
        frozen, pins = self.rollout.frozen_at(self.now), self.rollout.pins_at(self.now)
        told = [f"{one.words} to release {one.release} until {moment(one.pin.until)} UTC" for one in pins]
        return ({"frozen": frozen.why} if frozen else {}) | ({"pins": "; ".join(told)} if told else {})

    @property
    def fields(self) -> dict[str, str]:
        """One screen."""
        rollout = self.rollout
        _, champion, runs, on_its_way, state, _ = self.row
        fields = {"model": rollout.model, "state": state, "champion": champion, "devices run": runs}
        if base := rollout.base:
            fields["since"] = _by(base.finished or base.written)
        fields["on its way"] = on_its_way
        if target := rollout.target:
            fields["begun"] = _by(target.written)
            if target.minimum_agent != NO_MINIMUM:
                fields["for agents from"] = target.minimum_agent
            if target.plan:
                fields["plan"] = wording.plan_told(target.plan)
                fields["last step"] = f"{len(rollout.agreed)} of {target.plan.approvals} approvals"
        if rollout.paused:
            fields["paused"] = _by(rollout.paused)
        fields |= self._held
        if newest := rollout.newest:
            back = rollout.earlier(newest.number)
            fields["way back"] = wording.named(back) if back else "none"
            fields["floor"] = f"release {rollout.floor}" if rollout.floor else "none"
        if rollout.steps and rollout.steps[-1].written not in (
            target and target.written,
            rollout.paused,
            rollout.sampled,
        ):
            last = rollout.steps[-1]
            about = f"release {last.release}: " if last.release else ""
            fields["last change"] = f"{about}{last.what}, {_by(last.written)}"
        if rollout.sampled:
            fields["samples"] = f"{wording.sampling(rollout.sampling)}, {_by(rollout.sampled)}"
        return fields | {"channel": self.channel}


def standing_of(desk: Desk, model: str) -> Standing:
    """Where one stands; a model without versions is not known."""
    known_rollout(desk, model)
    return standings(desk, (model,))[0]


def standings(desk: Desk, models: Sequence[str] | None = None) -> tuple[Standing, ...]:
    """Where these stand, or all that were ever released, or that devices are told of."""
    found = load_rollouts(desk) if models is None else {model: load_rollout(desk, model) for model in models}
    with TemporaryDirectory(prefix="slipway-look-") as trust:
        listed, told = _told_by(desk, Path(trust))
        if models is None:
            found |= {model: load_rollout(desk, model) for model in listed if model not in found}
        return tuple(_standing(*found[model], *told(model), desk.now()) for model in (models or sorted(found)))


def _standing(
    rollout: Rollout, versions: ModelStanding, pointer: Pointer | None, problem: str, now: datetime
) -> Standing:
    return Standing(rollout, versions, pointer, now, problem)


def _told_by(desk: Desk, trust: Path) -> tuple[tuple[str, ...], Callable[[str], tuple[Pointer | None, str]]]:
    """The models that devices are told of, and what of each as a device finds it out, or why that cannot be known."""
    try:
        sides = open_sides(desk)
        listed, client = sides.repository.models(), sides.written(trust)
    except (PlatformError, SlipwayError) as error:
        why = str(error)
        return (), lambda _: (None, why)

    def look(model: str) -> tuple[Pointer | None, str]:
        try:
            return client.look(model, now=desk.now()).pointer, ""
        except NotThere:
            return None, ""
        except (PlatformError, SlipwayError) as error:
            return None, str(error)

    return listed, look


def _by(written: Written) -> str:
    """When, by whom, why."""
    reason = plain(written.entry.decision.reason)
    return f"{moment(written.entry.at)} UTC by {written.signer} (entry {written.entry.number})" + (
        f": {reason}" if reason else ""
    )
