"""What devices and the fleet service say to each other, as JSON.

    POST /v1/enrol                      Enrolling -> Enrolled     a one-time token, and the new key's signature
    POST /v1/devices/<id>/reports       Report    -> Received     a heartbeat, and a part of the spool

Every request of a device is signed, see `signing`. A report that was sent twice is stored once: each record has a name
of its own. What the service has stored it says, and only then the device forgets it.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Base64Bytes, Field

from slipway.serving.bundle.contract import Line, Part
from slipway.serving.bundle.manifest import Digest, ModelName
from slipway.serving.channel.limits import MOST
from slipway.serving.channel.pointer import AgentVersion, Name
from slipway.serving.channel.site import MOST_STREAMS, StreamName
from slipway.serving.edge.configuration import DeviceId

LARGEST_REPORT: Final = 4 * 1024 * 1024
"""Bytes of a report's body."""
LARGEST_RECORD: Final = 1024 * 1024
MOST_RECORDS: Final = 1_000
LARGEST_ANSWER: Final = 256 * 1024
"""Bytes of an answer of the service that a device reads."""
LONGEST_WHY: Final = 400
LONGEST_CAMERA: Final = 32
TOKEN: Final = re.compile(r"sw1-(?P<root>[0-9a-f]{64})-(?P<secret>[0-9a-hjkmnp-tv-z]{32})")
"""A one-time token: the sha256 of the root metadata that the device will trust, and what the service knows it by. So a
device that was given its token by a person believes nothing that the network says of the channel's keys."""

ENROL: Final = "/v1/enrol"
RecordName = Annotated[str, Field(pattern=r"^[0-9a-f]{16}-\d{1,18}$")]
Subject = Annotated[str, Field(min_length=1, max_length=256)]


def reports_path(device: str) -> str:
    """Where a device's reports go."""
    return f"/v1/devices/{device}/reports"


class Enrolling(Part):
    """A machine that wants to be a device."""

    format: Literal[1] = 1
    token: Annotated[str, Field(pattern=TOKEN.pattern, max_length=128)]
    id: DeviceId
    device_class: ModelName
    public_key: Digest
    """ed25519, in hexadecimal; the request is signed with it."""
    agent: AgentVersion


class Enrolled(Part):
    """What it is told: where the channel is, what to run, where it belongs."""

    format: Literal[1] = 1
    id: DeviceId
    channel: Annotated[str, Field(min_length=1, max_length=2048)]
    root: Base64Bytes
    """The root metadata whose sha256 stands in the token."""
    models: Annotated[tuple[ModelName, ...], Field(min_length=1, max_length=16)]
    site: Name | None = None
    cohorts: Annotated[tuple[Name, ...], Field(max_length=32)] = ()


class Standing(Part):
    """A model on a device now, as its agent's state has it."""

    model: ModelName
    phase: Annotated[str, Field(max_length=16)]
    release: Annotated[int, Field(ge=1, le=MOST)] | None = None
    bundle: Digest | None = None
    variant: Annotated[str, Field(max_length=64)] | None = None
    provider: Annotated[str, Field(max_length=32)] = ""
    shadow: Annotated[int, Field(ge=1, le=MOST)] | None = None
    """The release that runs beside it, its output discarded."""
    coming: Annotated[int, Field(ge=1, le=MOST)] | None = None
    bad: Annotated[tuple[int, ...], Field(max_length=64)] = ()
    """Releases that failed here."""
    sequence: Annotated[int, Field(ge=0, le=MOST)] = 0
    """Of the newest pointer that it believed."""
    why: Annotated[str, Field(max_length=LONGEST_WHY)] = ""
    """What `slipway-edge why` says first."""


class Record(Part):
    """A record of the spool."""

    name: RecordName
    kind: Literal["counts", "sketch", "sample", "state"]
    subject: Subject
    at: AwareDatetime
    """Begin of the time that it covers, by the device's clock."""
    body: Annotated[Base64Bytes, Field(max_length=LARGEST_RECORD)]


class Report(Part):
    """What a device has to tell: always how it stands, and some of its spool where it has any."""

    format: Literal[1] = 1
    at: AwareDatetime
    """By the device's clock, which may be years off."""
    time: AwareDatetime
    """The device's time, which is not before what it knows to be past."""
    agent: AgentVersion
    site: Annotated[int, Field(ge=0, le=MOST)] = 0
    """Sequence of the site's configuration that it follows; 0 without one."""
    standings: Annotated[tuple[Standing, ...], Field(max_length=16)] = ()
    streams: Annotated[
        Mapping[StreamName, Annotated[str, Field(max_length=LONGEST_CAMERA)]], Field(max_length=MOST_STREAMS)
    ] = {}
    """The state of each camera."""
    records: Annotated[tuple[Record, ...], Field(max_length=MOST_RECORDS)] = ()
    left: Annotated[int, Field(ge=0, le=MOST)] = 0
    """Bytes that are still in the spool."""


class Received(Part):
    """What the service has stored for good, and when to come again."""

    format: Literal[1] = 1
    stored: int = Field(ge=0)
    """Records of this report that were not there before."""
    again_s: float = Field(ge=1, le=86_400)
    """Seconds until the next report is expected; the device spreads it by chance."""


class Said(Part):
    """Why a request was refused."""

    error: Line
    mend: Annotated[str, Field(max_length=400)] = ""
    sequence: Annotated[int, Field(ge=0, le=MOST)] | None = None
    """With 409: the highest that was used; the next request takes a higher one."""
