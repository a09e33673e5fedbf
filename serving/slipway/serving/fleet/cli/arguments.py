"""Arguments that commands about the fleet share."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.serving.fleet.wording import seconds_ago

if TYPE_CHECKING:
    from slipway.serving.fleet.cli.client import FleetClient


def open_client() -> "FleetClient":
    """The service of the current context."""
    from slipway.platform.cli.session import load_settings
    from slipway.serving.fleet.cli.client import FleetClient

    return FleetClient.of(load_settings())


def device_names(incomplete: str) -> Iterator[str]:
    """Devices, for completion; nothing where the service does not answer."""
    with suppress(SlipwayError):
        for one in open_client().get("/v1/devices", search=incomplete, limit=100)["devices"]:
            if one["id"].startswith(incomplete):
                yield one["id"]


Device = Annotated[str, typer.Argument(metavar="DEVICE", help="A device's id.", autocompletion=device_names)]


def moment_of(text: str, option: str, now: datetime, *, ahead: bool) -> datetime:
    """A date, a moment or a span such as `7d`, which counts from now on, or back."""
    from slipway.serving.release.plan import span_in

    with suppress(ValueError, OverflowError):
        return now + span_in(text) if ahead else now - span_in(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse(
            f"{option} {text!r} is no date.", mend="Such as 2026-12-24, 2026-12-24T18:00Z, 90m, 12h or 7d."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ago(text: str | None, now: datetime) -> str:
    """How long ago a moment was, for people."""
    if text is None:
        return "never"
    return seconds_ago(max(0, int((now - datetime.fromisoformat(text)).total_seconds())))


def day_and_time(text: str | None) -> str:
    """A moment as people read it."""
    return "-" if text is None else f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
