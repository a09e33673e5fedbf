"""What a site's devices are told beside their models, `channels/site.<site>.json`: streams, masks, thresholds, windows.

It is signed by the rollout key, as pointers are, and staged as a release is: the base is what every device of the site
follows, the target what those of the wave do. Nothing here can make a device run another model.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

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
StreamName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]{0,62})$")]


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
    """As `slipway-edge run --camera` takes it; a password stands in the device's own folder, never here."""
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
    streams: Annotated[Mapping[StreamName, Stream], Field(max_length=256)] = {}

    @field_validator("windows")
    @classmethod
    def _each_has_a_length(cls, windows: tuple[Window, ...]) -> tuple[Window, ...]:
        if any(one.begin == one.end for one in windows):
            raise ValueError("A window begins and ends at different times; for always, leave windows out")
        return windows


class Configured(Part):
    """A configuration with its number: 1, 2, 3… of a site."""

    number: int = Field(ge=1, le=MOST)
    config: SiteConfig


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
