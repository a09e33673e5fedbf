"""Reading a site's configuration from a file, and how two of them differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from pydantic import field_validator

from slipway.platform.errors import WrongUse
from slipway.platform.names import nearest
from slipway.platform.strict_yaml import Form
from slipway.serving.channel.site import SiteConfig


class BadSite(WrongUse):
    """A site's configuration that cannot be used."""


class _Written(SiteConfig):
    """As a person writes it: its zone must be one that is known here."""

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):  # none, or a folder of them
            close = nearest(zone, available_timezones()) or "Europe/Lisbon"
            raise ValueError(f"No time zone has this name; one is called `{close}`") from None
        return zone


FORM: Final = Form(
    _Written,
    name="site's configuration",
    error=BadSite,
    begins="It says `zone`, `windows`, `thresholds` and `streams`; `slipway site schema` prints all of it.",
)


def read_site(path: Path) -> SiteConfig:
    """The configuration in this file."""
    return SiteConfig.model_validate(FORM.read(path).model_dump())


@dataclass(frozen=True)
class Difference:
    """One value that is another."""

    where: str
    before: str
    after: str


def differences(before: SiteConfig | None, after: SiteConfig) -> tuple[Difference, ...]:
    """All that changes, by the keys that lead there."""
    old, new = (dict(_leaves((), one.model_dump(mode="json"))) if one else {} for one in (before, after))
    names = dict.fromkeys((*old, *new))
    return tuple(
        Difference(name, old.get(name, "-"), new.get(name, "-")) for name in names if old.get(name) != new.get(name)
    )


def _leaves(place: tuple[str, ...], value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - what JSON can say
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _leaves((*place, str(name)), one)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for number, one in enumerate(value):
            yield from _leaves((*place, str(number)), one)
    elif value not in (None, [], ()):
        yield ".".join(place), str(value)
