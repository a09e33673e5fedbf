"""The plan of a rollout: its waves, what devices must show before each next one, and what stops it.

A plan is written in YAML, bound whole into the ledger's entry that begins a release, and never changes after that.
Whoever leads the rollout by it judges what devices report against its limits; what a plan can forbid to everybody is
the last step, for which it may ask for approvals.
"""

import re
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from slipway.platform.errors import WrongUse
from slipway.platform.models.piece import Piece, Share
from slipway.platform.strict_yaml import Form
from slipway.serving.channel.pointer import Name, Wave

MOST_WAVES: Final = 16
MOST_APPROVALS: Final = 8
EVERYBODY: Final = 100.0
LONGEST: Final = timedelta(days=90)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_SPAN: Final = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[mhd])")


def span_in(value: object) -> timedelta:
    """The span of time that a text says."""
    if isinstance(value, timedelta):
        return value
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("Expected a number of minutes, hours or days, such as 30m, 24h or 7d")
    return timedelta(**{_UNITS[match["unit"]]: int(match["count"])})


def _bounded(span: timedelta) -> timedelta:
    if span > LONGEST:
        raise ValueError(f"Expected at most {LONGEST.days}d")
    return span


def span_told(span: timedelta) -> str:
    """As a plan writes it."""
    minutes = round(span.total_seconds() / 60)
    if minutes and minutes % (24 * 60) == 0:
        return f"{minutes // (24 * 60)}d"
    return f"{minutes // 60}h" if minutes and minutes % 60 == 0 else f"{minutes}m"


Span = Annotated[
    timedelta,
    BeforeValidator(span_in),
    AfterValidator(_bounded),
    PlainSerializer(span_told, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,6}[mhd]$"}),
]
"""A span of time: minutes, hours or days."""


class BadPlan(WrongUse):
    """A plan that cannot be used."""


class Sample(Piece):
    """How much must have been seen before a wave is judged to be good."""

    decisions: int = Field(default=1_000, ge=1, le=10**12)
    """So many decisions of the release, by all devices of the wave together."""
    devices: int = Field(default=1, ge=1, le=10**7)
    """So many devices that have run it for the soak."""


class PlannedWave(Piece):
    """Devices that get the release together."""

    name: Name
    """What the wave is called."""
    kind: Literal["serve", "shadow"] = "serve"
    """In a `shadow` wave the release runs beside what answers; its output is compared, counted and discarded."""
    share: Annotated[float, Field(gt=0, le=EVERYBODY)] = EVERYBODY
    """Per cent of all devices, or of those of the cohort; who is in a smaller share is in the larger one."""
    cohort: Name | None = None
    """Only devices of this cohort."""
    frames: Annotated[float, Field(gt=0, le=1)] = 0.05
    """In a shadow wave, the share of frames that the release sees, too."""
    soak: Span = timedelta(days=1)
    """How long a device must have run it to count, in time of which it has reported."""
    sample: Sample = Sample()
    """How much must have been seen."""
    deadline: Span = timedelta(days=7)
    """Until when the wave should be done; from then on devices that say nothing count against it, and a wave without
    its sample is paused."""

    @model_validator(mode="after")
    def _can_be_done(self) -> Self:
        if self.deadline <= self.soak:
            raise ValueError(
                f"The deadline of wave `{self.name}` ({span_told(self.deadline)}) is not after its soak "
                f"({span_told(self.soak)})"
            )
        return self

    @property
    def wave(self) -> Wave:
        """As a pointer has it, but for the seed, which is the release's own."""
        return Wave(kind=self.kind, frames=self.frames, share=self.share, cohort=self.cohort)

    def covers(self, wave: Wave) -> bool:
        """Whether it runs the release on every device on which that wave would."""
        return self.kind == "serve" and self.share >= wave.share and (self.cohort is None or self.cohort == wave.cohort)


class Limits(Piece):
    """What stops a rollout. Devices with the release are compared with the rest; without a limit nothing is judged."""

    errors: Share | None = 0.01
    """How much larger the share of decisions that failed may be than that of the rest, in all or in any slice."""
    latency: Annotated[float, Field(ge=1, le=100)] | None = 1.02
    """How many times as long a decision may take as it does on the rest."""
    divergence: Annotated[float, Field(ge=0)] | None = 0.2
    """How much further what it sees and answers may be from its reference than that of the rest from theirs."""
    disagreement: Share | None = 0.05
    """In a shadow wave, the share of frames on which it may answer differently, in all or in any slice."""
    reverts: Share | None = 0.05
    """The share of the wave's devices that may have gone back from it by themselves."""
    silent: Share | None = 0.1
    """The share of the wave's devices that may be silent after the deadline."""


class Plan(Piece):
    """How a release goes to all devices."""

    waves: Annotated[tuple[PlannedWave, ...], Field(max_length=MOST_WAVES)]
    """One after the other; the last one is of all devices, and when it is done, the release is everybody's."""
    limits: Limits = Limits()
    """What stops it."""
    approvals: Annotated[int, Field(ge=0, le=MOST_APPROVALS)] = 0
    """How many people must approve the last step, besides whoever began the rollout."""

    @model_validator(mode="after")
    def _leads_to_all(self) -> Self:
        if not self.waves:
            raise ValueError("A plan has at least one wave")
        names = [one.name for one in self.waves]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"Two waves are called `{twice}`")
        last = self.waves[-1]
        if (last.kind, last.share, last.cohort) != ("serve", EVERYBODY, None):
            raise ValueError(f"The last wave, `{last.name}`, is not of kind `serve` with all devices")
        self._check_order()
        if self.approvals and len(self.waves) == 1:
            raise ValueError("Approvals are for the last step, and the only wave is the first one")
        return self

    def _check_order(self) -> None:
        served: list[PlannedWave] = []
        for one in self.waves:
            if one.kind == "shadow" and served:
                raise ValueError(f"Shadow wave `{one.name}` comes after `{served[-1].name}`, which answers already")
            if larger := next((before for before in served if before.covers(one.wave)), None):
                raise ValueError(f"Wave `{one.name}` has no more devices than `{larger.name}` before it")
            served += [one] if one.kind == "serve" else []

    def position(self, wave: Wave) -> int | None:
        """Which of its waves this is, counted from 0; None where it is none of them."""
        bare = wave.model_copy(update={"seed": ""})
        return next((at for at, one in enumerate(self.waves) if one.wave == bare), None)

    def is_last_step(self, wave: Wave) -> bool:
        """Whether devices would get it that no earlier wave has: then approvals are asked for."""
        return wave.kind == "serve" and not any(one.covers(wave) for one in self.waves[:-1])


FORM: Final = Form(
    Plan,
    name="plan",
    error=BadPlan,
    begins="A plan begins with `waves:`; `slipway rollout schema` prints all that it may say.",
)
