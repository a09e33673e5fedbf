"""Where a model's rollout stands, and what its devices should be told.

A release is what everybody may run (the base), or on its way to all (the target), or neither. `folding` makes this of
the ledger's entries, and nothing else is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from slipway.platform.ledger.describing import moment, plain
from slipway.platform.ledger.entry import Written
from slipway.platform.registry.standing import Folded, Void
from slipway.serving.channel.pointer import Named, Pin, Pointer, Sampling, Wave
from slipway.serving.channel.release import Release
from slipway.serving.release.plan import Plan

NO_MINIMUM: Final = "0.0.0"
LEAP: Final = 10_000
"""How many numbers of releases may be left out at once."""


@dataclass(frozen=True)
class Released:
    """A release that counts."""

    model: str
    number: int
    bundle: str
    version: str
    """The number of the version."""
    base: int | None
    """The release that devices can be led back to."""
    floor: int
    minimum_agent: str
    wave: Wave
    """The first one."""
    written: Written
    plan: Plan | None = None
    """By which it goes to all devices; None where a person leads it by hand."""
    finished: Written | None = None
    """What made it everybody's."""
    undone: Written | None = None
    """The rollback that took it out of the field."""

    @property
    def named(self) -> Named:
        """As a pointer has it."""
        return Named(number=self.number, bundle=self.bundle)

    @property
    def signed(self) -> Release:
        """What the release key says of it: the same bytes whoever signs them, and however often."""
        return Release(
            model=self.model,
            number=self.number,
            bundle=self.bundle,
            floor=self.floor,
            minimum_agent=self.minimum_agent,
            signed_at=self.written.entry.at,
        )


Holder = tuple[str, str]
"""`device` or `site`, and its name."""


@dataclass(frozen=True)
class Pinned:
    """A device, or the devices of a site, that stay with one release until a moment."""

    holder: Holder
    release: int
    pin: Pin
    written: Written

    @property
    def words(self) -> str:
        """Who stays."""
        return " ".join(self.holder)


@dataclass(frozen=True)
class Frozen:
    """A time in which nothing is begun with."""

    until: datetime
    written: Written

    @property
    def why(self) -> str:
        """In words that stand behind others."""
        decision = self.written.entry.decision
        what = decision.model or "everything"
        reason = plain(decision.reason)
        return (
            f"{what} is frozen until {moment(self.until)} UTC by {self.written.signer}{f': {reason}' if reason else ''}"
        )


@dataclass(frozen=True)
class Step:
    """An entry that changed what devices should run."""

    written: Written
    release: int | None
    what: str


@dataclass(frozen=True)
class Rollout(Folded):
    """Where a model's rollout stands."""

    model: str
    releases: Mapping[int, Released] = field(default_factory=dict)
    """By number, in their order."""
    base_number: int | None = None
    target_number: int | None = None
    wave: Wave = field(default_factory=Wave)
    paused: Written | None = None
    sampling: Sampling = field(default_factory=Sampling)
    """Which pictures devices keep for labelling, whatever they run."""
    sampled: Written | None = None
    """What said so."""
    pins: Mapping[Holder, Pinned] = field(default_factory=dict)
    """The newest of each holder, whether or not it is over by now."""
    freezes: Mapping[str, Frozen] = field(default_factory=dict)
    """The newest of this model, and of all models, by what they name; whether or not it is over by now."""
    agreed: tuple[Written, ...] = ()
    """Approvals of the last step of what is on its way."""
    steps: tuple[Step, ...] = ()
    void: tuple[Void, ...] = ()
    taken_out: Mapping[str, Written] = field(default_factory=dict)
    """Bundles that were quarantined, with the newest rollback that did it."""
    last: Written | None = None
    """The newest entry that took something forward or back: a promotion, a release, an advance or a rollback."""
    reached: int = field(default=0, compare=False)
    """Number of the newest entry about this model, whether it counts or not."""

    @property
    def base(self) -> Released | None:
        """What every device may run; None before the first release has reached everybody."""
        return None if self.base_number is None else self.releases[self.base_number]

    @property
    def target(self) -> Released | None:
        """What is on its way to all devices."""
        return None if self.target_number is None else self.releases[self.target_number]

    @property
    def newest(self) -> Released | None:
        """The release that devices should run in the end."""
        return self.target or self.base

    @property
    def floor(self) -> int:
        """What devices that saw every release go below no more."""
        return max((one.floor for one in self.releases.values()), default=0)

    @property
    def next_number(self) -> int:
        """Of the next release, as far as the ledger knows."""
        return max(self.releases, default=0) + 1

    @property
    def number_limit(self) -> int:
        """Above the next one by more than what is ever signed without being told; such a number would leave none."""
        return self.next_number + LEAP

    def pins_at(self, at: datetime) -> tuple[Pinned, ...]:
        """Those that hold then, in the order of their holders."""
        return tuple(one for _, one in sorted(self.pins.items()) if one.pin.until > at)

    def frozen_at(self, at: datetime) -> Frozen | None:
        """What lasts longest of all that holds then."""
        return max((one for one in self.freezes.values() if one.until > at), key=lambda one: one.until, default=None)

    def told_at(self, at: datetime) -> tuple[Released, ...]:
        """Every release that devices are told of then: base, target, and what some are pinned to."""
        numbers = (self.base_number, self.target_number, *(one.release for one in self.pins_at(at)))
        return tuple(self.releases[number] for number in dict.fromkeys(numbers) if number is not None)

    @property
    def state(self) -> str:
        """In a word."""
        if self.target:
            return "paused" if self.paused else "rolling out"
        return "released" if self.base else "not released"

    def earlier(self, number: int) -> Released | None:
        """What devices go back to when this release is taken out of the field; None where there is no way back."""
        if number == self.target_number:
            return self.base
        found = self.releases[number]
        back = self.releases.get(found.base) if found.base is not None else None
        while back is not None and (back.undone or self.is_quarantined(back)):
            back = self.releases.get(back.base) if back.base is not None else None
        return back if back is not None and back.number >= self.floor else None

    def is_quarantined(self, released: Released) -> bool:
        """Whether a rollback took its bundle out of the field after it was released."""
        out = self.taken_out.get(released.bundle)
        return out is not None and out.entry.number > released.written.entry.number


def pointer_of(rollout: Rollout, *, sequence: int, signed_at: datetime, at: datetime | None = None) -> Pointer:
    """What devices should be told; `at` is when, where that is not when it is signed: pins and freezes end by then."""
    base, target, at = rollout.base, rollout.target, at or signed_at
    frozen = rollout.frozen_at(at)
    return Pointer(
        model=rollout.model,
        sequence=sequence,
        signed_at=signed_at,
        base=base.named if base else None,
        target=target.named if target else None,
        wave=rollout.wave,
        paused=rollout.paused is not None,
        frozen_until=frozen.until if frozen else None,
        pins=tuple(one.pin for one in rollout.pins_at(at)),
        minimum_agent=base.minimum_agent if base else NO_MINIMUM,
        sampling=rollout.sampling,
    )
