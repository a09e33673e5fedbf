"""Time of day and weather: where light comes from, how far one sees, and what the sky looks like.

Directions are ready unit vectors, powers are products, and the fog's law is a quotient: no exponential anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from slipway.training.world.chance import Chance
from slipway.training.world.optics import Vector, unit

Rgb = tuple[float, float, float]
"""Blue, green, red shares of light."""

LIGHTS: Final = ("day", "dusk", "night")
WEATHERS: Final = ("clear", "overcast", "rain", "fog")
HOURS: Final[Mapping[str, tuple[float, float]]] = {"day": (9.0, 16.0), "dusk": (19.0, 20.5), "night": (22.0, 23.6)}


@dataclass(frozen=True)
class Light:
    """The light of a session."""

    name: str
    weather: str
    sun: Vector
    direct: Rgb
    ambient: Rgb
    sky_high: Rgb
    sky_low: Rgb
    lamps: float = 0.0
    headlights: bool = False
    shadow: int = 0
    """How much of 255 a shadow takes away."""
    fog: float = 0.0
    """Metres after which half of the view is gone; 0 is clear air."""
    rain: int = 0
    wet: float = 1.0
    """What wet ground leaves of its tone."""


def light_of(name: str, weather: str, chance: Chance) -> Light:
    """The light of a time of day in a weather."""
    light = _clear(name, chance)
    if weather == "overcast":
        return _dull(light, 0.12, 0.86)
    if weather == "rain":
        return replace(
            _dull(light, 0.05, 0.72), weather="rain", rain=150 + chance.whole(120), wet=0.74, headlights=True
        )
    if weather == "fog":
        return replace(_dull(light, 0.0, 0.90), weather="fog", fog=chance.between(13.0, 24.0), headlights=True)
    return light


def _clear(name: str, chance: Chance) -> Light:
    """A time of day without clouds; only where the sun stands is left to chance."""
    east = chance.pick((-1.0, 1.0))
    south = chance.between(-0.9, 0.9)
    aside, high = chance.between(0.2, 0.9), chance.between(0.8, 1.3)
    sun = {"day": (east * aside, south, high), "dusk": (east, south * 0.5, 0.34), "night": (east * 0.4, south, 1.0)}
    return replace(_CLEAR[name], sun=unit(sun[name]))


def _dull(light: Light, direct: float, ambient: float) -> Light:
    """Clouds take the sun away and spread its light."""
    blue, green, red = light.direct
    spread = (blue + green + red) / 3 * 0.42
    grey_blue, grey_green, grey_red = ((part + spread) * ambient for part in light.ambient)
    high = (light.sky_high[0] + light.sky_high[1] + light.sky_high[2]) / 3 * 0.92
    return replace(
        light,
        weather="overcast",
        direct=(blue * direct, green * direct, red * direct),
        ambient=(grey_blue * 1.03, grey_green, grey_red * 0.98),
        sky_high=(high, high * 0.98, high * 0.96),
        sky_low=(high * 1.04, high * 1.02, high),
        shadow=int(light.shadow * direct * 2),
    )


_UP: Final = (0.0, 0.0, 1.0)
_CLEAR: Final[Mapping[str, Light]] = {
    "day": Light(
        "day", "clear", _UP, direct=(0.58, 0.64, 0.67), ambient=(0.54, 0.52, 0.50),
        sky_high=(225, 180, 140), sky_low=(238, 224, 208), shadow=120,
    ),
    "dusk": Light(
        "dusk", "clear", _UP, direct=(0.14, 0.26, 0.46), ambient=(0.40, 0.35, 0.34),
        sky_high=(150, 98, 84), sky_low=(90, 140, 220), lamps=0.18, headlights=True, shadow=70,
    ),
    "night": Light(
        "night", "clear", _UP, direct=(0.02, 0.02, 0.015), ambient=(0.165, 0.14, 0.125),
        sky_high=(34, 22, 16), sky_low=(52, 40, 34), lamps=0.85, headlights=True, shadow=20,
    ),
}  # fmt: skip
