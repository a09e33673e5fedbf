"""What happens in a simulation: releases as they follow one another, and when what is wrong is mended."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from slipway.serving.channel.pointer import Named, Pin, Pointer, Wave
from slipway.serving.channel.release import Release
from slipway.serving.fleet.simulation.led import LAST, LedStory
from slipway.serving.fleet.simulation.own_channel import OwnChannel
from slipway.serving.fleet.simulation.record import Record
from slipway.serving.fleet.simulation.running import Fleet, Happening, Simulated
from slipway.serving.fleet.simulation.runtime import CLASS, Plan
from slipway.serving.fleet.simulation.thief import Thief

DAY = 86_400.0
TROUBLE = 1.25
"""The day on which what is wrong with devices begins: the first release is everywhere."""
STOLEN = 2.6
"""The day of the thefts: the second release is the base, and its floor forbids the first."""
QUIET_S = 48 * 3600.0
"""Between two looks in quiet times, about."""
PINNED = timedelta(hours=12)
"""For which a device is pinned."""
HELD = 0.12
"""Days for which a release is held back in one way."""
HOLDS: Final[tuple[dict[str, object], ...]] = ({"paused": True}, {"frozen_until": None}, {"kind": "shadow"})
TRY = 0.6
"""Days between two bad releases."""
AGAIN = 2.3
"""The day on which everything is told once more, with new dates."""
AWAKE = 3.0
"""Days before all is mended on which devices look often again: all have looked once more by then."""
RENEWED = 6.0
"""Days between two visits of who keeps channels fresh in quiet times."""


@dataclass
class Story:
    """One simulation as it is told; `happenings` come in their time."""

    signers: OwnChannel
    fleet: Fleet
    folder: Path
    devices: list[Simulated] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    bad: list[Plan] = field(default_factory=list)
    """Releases to come that no device should keep."""
    quiet: float = 0.0
    """Days on which nobody decides anything."""
    pinned: list[str] = field(default_factory=list)
    """Devices that get each release as it is tried out."""
    held: bool = False
    """The last release is held back in every way before it is tried out."""
    led: LedStory | None = None
    """Of the devices whose model controllers lead."""

    @property
    def fleets(self) -> list[Fleet]:
        """All there are."""
        return [self.fleet, *([self.led.fleet] if self.led else [])]

    @property
    def record(self) -> Record:
        return self.fleet.record

    @property
    def mended(self) -> float:
        """The day on which nothing is wrong any more."""
        return self._tried + self.quiet

    @property
    def _tried(self) -> float:
        """The day on which all bad releases were tried out."""
        return 3.0 + TRY * len(self.bad)

    @property
    def days(self) -> float:
        """How long it is."""
        return self.mended + 3.0

    def at(self, day: float, does: Callable[[], object]) -> None:
        """Something happens."""
        self.happenings.append((day * DAY, does))

    def tell(self) -> None:
        """Put the releases into their time; the last one is for all."""
        self.at(0.0, lambda: self.lead(1, floor=0))
        self.at(1.5, lambda: self.try_out(2, floor=2))
        self.at(2.25, lambda: self.lead(2, floor=2))
        self.at(AGAIN - 0.01, lambda: self.older)
        self.at(AGAIN, self.renew)
        self.at(AGAIN + 0.01, lambda: self.newer)
        self.at(self.mended + 1.02, self.renew)
        for index, plan in enumerate(self.bad):
            number, day = index + 3, 3.0 + TRY * index
            self.at(day, lambda number=number, plan=plan: self.try_out(number, floor=2, plan=plan))  # type: ignore[misc]
            self.at(day + 0.7 * TRY, lambda: self.point(2))
        begins = self._tried
        if self.quiet:
            self.at(begins, lambda: self._pace(QUIET_S))
            self.at(self.mended - AWAKE, lambda: self._pace(None))
        renewals = [begins + count * RENEWED for count in range(1, int(self.quiet / RENEWED) + 1)]
        for day in renewals:
            self.at(day, self.renew)
            self.at(day, self._forget)
        last = self.fleet.last = len(self.bad) + 3
        if self.held:
            for place, said in enumerate(HOLDS):
                self.at(self.mended + HELD * (place + 1), lambda said=said: self.hold(last, **said))  # type: ignore[misc]
        self.at(self.mended + 0.5, lambda: self.try_out(last, floor=2))
        self.at(self.mended + 1.2, lambda: self.lead(last, floor=2))
        if self.led is not None:
            self.led.fleet.last = LAST
            self.led.tell(self.mended, renewals)
            self.happenings += self.led.happenings

    def enrol(self) -> None:
        """Each device becomes one of its fleet; of two with one name the first."""
        for fleet in self.fleets:
            its = [one for one in self.devices if one.fleet is fleet]
            names = list(dict.fromkeys(one.device.id for one in its))
            tokens = dict(fleet.service.tokens(fleet.bootstrap, names, (fleet.model,), CLASS))
            for one in its:
                one.enrol(tokens.pop(one.device.id, None))

    def copy(self) -> None:
        """The fleet service's store is copied."""
        for fleet in self.fleets:
            fleet.service.copy()
        for one in self.devices:
            one.lived.truth.copied()

    def set_back(self) -> None:
        """It is set back to the copy."""
        for fleet in self.fleets:
            fleet.service.set_back()
        for one in self.devices:
            one.lived.truth.set_back(one.fleet.service.names(one.device.id))

    def mend(self) -> None:
        """Nothing is wrong any more."""
        for one in self.devices:
            one.mend()

    def _forget(self) -> None:
        """The fleet service forgets what is old; sums stay what they are."""
        for fleet in self.fleets:
            fleet.service.forget()

    def _pace(self, seconds: float | None) -> None:
        for fleet in self.fleets:
            fleet.quiet_s = seconds

    def made(self, number: int, *, floor: int, plan: Plan | None = None) -> Release:
        """A release, signed now or before."""
        self.signers.dated(self.fleet.time.now())
        if number not in self.record.releases:
            plan = plan or Plan()
            self.record.sign(self.signers.release(number, floor=floor, plan=plan), plan)
        return self.record.releases[number]

    def lead(self, number: int, *, floor: int) -> None:
        """A release is for all."""
        self.made(number, floor=floor)
        self.point(number)

    def try_out(self, number: int, *, floor: int, plan: Plan | None = None) -> None:
        """A release is for some devices, and for those that are pinned to it; the second one is the base by then."""
        release, now = self.made(number, floor=floor, plan=plan), self.fleet.time.now()
        named, until = Named(number=number, bundle=release.bundle), now + PINNED
        pins = tuple(Pin(device=name, release=named, until=until) for name in self.pinned)
        self.point(min(2, number - 1), number, share=30.0, pins=pins)

    def hold(self, number: int, **said: object) -> None:
        """A release is there for all, and nobody may begin with it."""
        self.made(number, floor=2)
        if "frozen_until" in said:
            said = {"frozen_until": self.fleet.time.now() + timedelta(days=HELD)}
        self.point(2, number, **said)  # type: ignore[arg-type]

    def point(
        self,
        base: int,
        target: int | None = None,
        *,
        share: float = 100.0,
        kind: Literal["serve", "shadow"] = "serve",
        **said: object,
    ) -> None:
        """Sign a pointer."""
        releases, wave = self.record.releases, Wave(share=share, kind=kind, seed="s")
        self.signers.dated(self.fleet.time.now())
        one, other = releases[base], releases[target] if target else None
        self.record.pointers.append(self.signers.point(base=one, target=other, wave=wave, **said))

    def renew(self) -> None:
        """The service that keeps the channel fresh does its work."""
        self.signers.dated(self.fleet.time.now())
        self.signers.renew()

    @cached_property
    def old(self) -> Path:
        """The channel as it was when a device asked first."""
        return Path(shutil.copytree(self.signers.folder, self.folder / "old"))

    @cached_property
    def older(self) -> Path:
        """The channel as it was before its dates were new, and all else the same."""
        return Path(shutil.copytree(self.signers.folder, self.folder / "older"))

    @cached_property
    def newer(self) -> Path:
        """The channel as it was with new dates."""
        return Path(shutil.copytree(self.signers.folder, self.folder / "newer"))

    @cached_property
    def forged(self) -> Path:
        """What somebody gives out who has none of the channel's keys."""
        self.signers.dated(self.fleet.time.now())
        forger = self.signers.thief(self.folder / "forger", stolen=False)
        forger.point(self._below_floor())
        return forger.folder

    @cached_property
    def thief(self) -> Thief:
        """Who has the rollout service's keys."""
        self.signers.dated(self.fleet.time.now())
        return self.signers.thief(self.folder / "thief")

    @cached_property
    def stolen_pointer(self) -> Path:
        """Where a thief points at what devices may not run any more."""
        pointer = self._below_floor()
        self.record.pointers.append(pointer)
        self.thief.point(pointer)
        return self.thief.folder

    def _below_floor(self) -> Pointer:
        first, newest = self.record.releases[1], self.record.pointers[-1]
        base = {"number": first.number, "bundle": first.bundle}
        said = {**newest.model_dump(), "sequence": newest.sequence + 1, "base": base, "target": None}
        return Pointer.model_validate(said)
