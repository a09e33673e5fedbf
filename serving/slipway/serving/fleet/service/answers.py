"""What people ask the service and what it answers, as JSON."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, Base64Bytes, Field

from slipway.serving.bundle.contract import Line, Part
from slipway.serving.bundle.manifest import Digest, ModelName
from slipway.serving.channel.limits import LARGEST_ROOT
from slipway.serving.channel.pointer import Name
from slipway.serving.edge.configuration import DeviceId
from slipway.serving.edge.decisions import LONGEST
from slipway.serving.edge.fleet.wire import MOST_RECORDS
from slipway.serving.fleet.facts import DeviceFacts
from slipway.serving.fleet.store.enrolling import Token
from slipway.serving.fleet.store.outcomes import Precision
from slipway.serving.fleet.store.plain import STEERING
from slipway.serving.fleet.store.reading import Done, MadeToken, Span

MOST_TOLD: Final = 100
"""Tokens that are told of one change."""
_PLAIN = f"^[^{STEERING}]+$"
Text = Annotated[str, Field(min_length=1, max_length=256, pattern=_PLAIN)]
Reason = Annotated[str, Field(min_length=1, max_length=400, pattern=_PLAIN)]


class NewToken(Part):
    """A token to be known, by its sha256."""

    digest: Digest
    until: AwareDatetime
    models: Annotated[tuple[ModelName, ...], Field(min_length=1, max_length=16)]
    device: DeviceId | None = None
    device_class: ModelName | None = None
    site: Name | None = None
    cohorts: Annotated[tuple[Name, ...], Field(max_length=32)] = ()

    def token(self) -> Token:
        """For the store."""
        return Token(**{name: getattr(self, name) for name in type(self).model_fields})


class Tokens(Part):
    """Tokens to be made, all or none; they name the channel's root metadata."""

    root: Annotated[Base64Bytes, Field(max_length=LARGEST_ROOT)]
    tokens: Annotated[tuple[NewToken, ...], Field(min_length=1, max_length=10_000)]


class Revoking(Part):
    """Why a device is believed no more."""

    reason: Reason


class Withdrawing(Part):
    """Tokens that open nothing any more, by their sha256, and why; all or none."""

    tokens: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=10_000)]
    reason: Reason


class Withdrawn(Part):
    """How many of them could have been used."""

    withdrawn: int


class OutcomeTold(Part):
    """What a decision should have been. Whether it was right is told, or follows from the answer that was given."""

    decision: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    truth: Text
    source: Annotated[str, Field(min_length=1, max_length=64, pattern=_PLAIN)]
    right: bool | None = None
    answer: Text | None = None
    model: ModelName | None = None


class Telling(Part):
    """Outcomes, all or none."""

    outcomes: Annotated[tuple[OutcomeTold, ...], Field(min_length=1, max_length=MOST_RECORDS)]


class Count(Part):
    """How many were new."""

    new: int


class Changed(Part):
    """Whether it made a difference."""

    changed: bool


class Run(Part):
    """A model on a device."""

    model: str
    phase: str
    release: int | None
    bundle: str | None
    variant: str | None
    provider: str
    since: datetime
    shadow: int | None
    coming: int | None
    bad: tuple[int, ...]
    sequence: int
    why: str


class Device(Part):
    """A device."""

    id: str
    device_class: str
    site: str | None
    cohorts: tuple[str, ...]
    models: tuple[str, ...]
    enrolled_at: datetime
    revoked_at: datetime | None
    agent: str
    heard_at: datetime | None
    silent: bool
    clock_s: float
    left: int
    site_sequence: int
    running: tuple[Run, ...]
    streams: dict[str, str]

    @classmethod
    def of(cls, facts: DeviceFacts, now: datetime, silent_minutes: float) -> "Device":
        """As it is told."""
        return cls(
            id=facts.id,
            device_class=facts.device_class,
            site=facts.site,
            cohorts=tuple(sorted(facts.cohorts)),
            models=tuple(facts.models),
            enrolled_at=facts.enrolled_at,
            revoked_at=facts.revoked_at,
            agent=facts.agent,
            heard_at=facts.heard_at,
            silent=facts.silent(now, silent_minutes),
            clock_s=facts.clock_s,
            left=facts.left,
            site_sequence=facts.site_sequence,
            running=tuple(Run(**{**vars(one), "bad": tuple(one.bad)}) for _, one in sorted(facts.running.items())),
            streams=dict(facts.streams),
        )


class Devices(Part):
    """A page of devices."""

    devices: tuple[Device, ...]
    total: int
    """On all pages."""
    after: str | None
    """Ask for the next page with it; null on the last."""


class Ran(Part):
    """What a device ran, and when."""

    device: str
    model: str
    release: int | None
    bundle: str | None
    variant: str | None
    begin: datetime
    end: datetime | None

    @classmethod
    def of(cls, span: Span) -> "Ran":
        """As it is told."""
        return cls(**vars(span))


class Change(Part):
    """Somebody made or withdrew a token, enrolled or revoked."""

    number: int
    at: datetime
    what: str
    device: str | None
    person: str
    about: dict[str, object]
    signed: str
    """The request as it was signed."""

    @classmethod
    def of(cls, done: Done) -> "Change":
        """As it is told."""
        about = dict(done.about)
        if isinstance(tokens := about.get("tokens"), list):
            about |= {"tokens": tokens[:MOST_TOLD], "many": len(tokens)}
        return cls(**{**vars(done), "about": about, "signed": done.signed.decode("utf-8", "replace")})


class History(Part):
    """What ran where, and who changed what; the newest first."""

    ran: tuple[Ran, ...]
    changes: tuple[Change, ...]


class OpenToken(Part):
    """A token that could be used."""

    digest: str
    made_at: datetime
    made_by: str
    until: datetime
    device: str | None
    device_class: str | None
    site: str | None
    cohorts: tuple[str, ...]
    models: tuple[str, ...]

    @classmethod
    def of(cls, made: MadeToken) -> "OpenToken":
        """As it is told."""
        return cls(**{name: getattr(made, name) for name in cls.model_fields})


class OpenTokens(Part):
    """All that could be used."""

    tokens: tuple[OpenToken, ...]


class Right(Part):
    """How often a release was right at a site."""

    model: str
    release: int | None
    site: str | None
    right: int
    known: int
    share: float
    low: float
    """Of the interval of 95 per cent."""
    high: float

    @classmethod
    def of(cls, one: Precision) -> "Right":
        """As it is told."""
        low, high = one.interval
        return cls(**vars(one), share=one.share, low=low, high=high)


class FieldPrecision(Part):
    """By release and site."""

    precision: tuple[Right, ...]


class Opening(Part):
    """Where a session is opened, once and soon."""

    address: Line
    seconds: Annotated[int, Field(ge=1)]
