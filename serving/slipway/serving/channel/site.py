"""What a site's devices are told beside their models, `channels/site.<site>.json`: streams, masks, thresholds, windows.

It is signed by the rollout key, as pointers are, and staged as a release is: the base is what every device of the site
follows, the target what those of the wave do. Nothing here can make a device run another model, and no login stands
here: whoever reads the channel reads this.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from slipway.serving.bundle.canonical import canonical, sha256
from slipway.serving.bundle.contract import Line, Part
from slipway.serving.bundle.manifest import ModelName
from slipway.serving.channel.limits import MOST
from slipway.serving.channel.pointer import Moment, Name, Wave

LARGEST_SITE: Final = 256 * 1024
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Point = tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]]
"""From left and from the top, as shares of the picture."""
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
STREAM: Final = r"[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?"
"""The name of a stream, wherever it is said; without a dot, which parts it from others in the names of counts."""
StreamName = Annotated[str, Field(pattern=f"^{STREAM}$")]
MOST_STREAMS: Final = 64
"""Of one device."""
MOST_OF_SITE: Final = 256
_SECRET: Final = re.compile(r"(user-pw|passw(or)?d|passwd|pwd)=", re.IGNORECASE)


class Window(Part):
    """A time in which a device may exchange models; one that ends before it begins goes past midnight."""

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)] = DAYS
    begin: Clock
    end: Clock


class Stream(Part):
    """A camera of one device or of each device of the site."""

    device: Annotated[str, Field(max_length=64)] | None = None
    """None: each device of the site has such a camera."""
    source: Line
    """As `slipway-edge run --camera` takes it; user and password stand in the device's own folder, never here."""
    fps: Annotated[float, Field(gt=0, le=240)] | None = None
    areas: Annotated[Mapping[Name, tuple[Point, Point]], Field(max_length=64)] = {}
    """Parts of the picture that are looked at, by their opposite corners."""
    masks: Annotated[
        tuple[Annotated[tuple[Point, ...], Field(min_length=3, max_length=64)], ...], Field(max_length=32)
    ] = ()
    """Polygons in which nothing is looked at, nor kept."""
    detect: ModelName | None = None
    embed: ModelName | None = None
    model: ModelName | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Stream":
        if _has_login(self.source):
            raise ValueError("A source holds no user and no password; they stand in `cameras.json` on the device")
        if self.model and (self.detect or self.embed):
            raise ValueError("`model` is one model alone, `detect` and `embed` are two; leave out one or the other")
        if self.embed and not self.detect:
            raise ValueError("`embed` looks at the boxes that `detect` finds; name that one, too")
        for name, (one, other) in self.areas.items():
            if one[0] == other[0] or one[1] == other[1]:
                raise ValueError(f"The corners of the area `{name}` are not opposite ones")
        return self


def _has_login(source: str) -> bool:
    try:
        return "@" in urlsplit(source).netloc or _SECRET.search(source) is not None
    except ValueError:
        return "@" in source


class SiteConfig(Part):
    """How the devices of a site work."""

    zone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]{1,64}$")] = "UTC"
    """The name of the time zone in which its windows are meant, such as Europe/Lisbon."""
    windows: Annotated[tuple[Window, ...], Field(max_length=32)] = ()
    """In which models are exchanged; without any, at all times. Files are fetched at all times."""
    thresholds: Annotated[
        Mapping[ModelName, Mapping[Name, Annotated[float, Field(ge=0, le=1)]]], Field(max_length=16)
    ] = {}
    """By model, in place of the bundle's own."""
    streams: Annotated[Mapping[StreamName, Stream], Field(max_length=MOST_OF_SITE)] = {}

    @field_validator("windows")
    @classmethod
    def _each_has_a_length(cls, windows: tuple[Window, ...]) -> tuple[Window, ...]:
        if any(one.begin == one.end for one in windows):
            raise ValueError("A window begins and ends at different times; for always, leave windows out")
        return windows

    @field_validator("streams")
    @classmethod
    def _as_many_as_a_device_has(cls, streams: Mapping[str, Stream]) -> Mapping[str, Stream]:
        of_all = sum(one.device is None for one in streams.values())
        each = Counter(one.device for one in streams.values() if one.device is not None)
        if (most := of_all + max(each.values(), default=0)) > MOST_STREAMS:
            raise ValueError(f"A device has at most {MOST_STREAMS} streams, and one would have {most} here")
        return streams

    def streams_of(self, device: str) -> Mapping[str, Stream]:
        """Those of one device."""
        return {name: one for name, one in self.streams.items() if one.device in {None, device}}


class Configured(Part):
    """A configuration with its number: 1, 2, 3… of a site."""

    number: int = Field(ge=1, le=MOST)
    config: SiteConfig

    @property
    def digest(self) -> str:
        """sha256 of what it says, whatever is said by saying nothing."""
        return sha256(canonical(self.config.model_dump(mode="json", exclude_defaults=True)))


class SitePointer(Part):
    """What the devices of a site should follow."""

    format: Literal[1] = 1
    site: Name
    sequence: int = Field(ge=1, le=MOST)
    signed_at: Moment
    base: Configured | None = None
    target: Configured | None = None
    wave: Wave = Wave()

    def wanted(self, device: str, cohorts: frozenset[str]) -> Configured | None:
        """What this device should follow."""
        if self.target is not None and self.wave.includes(device, cohorts):
            return self.target
        return self.base
