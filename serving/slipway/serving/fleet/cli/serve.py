"""`slipway fleet serve`: the service, until it is told to stop."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.output import say
from slipway.platform.cli.session import load_settings

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded
    from slipway.platform.settings.schema import Fleet

app = typer.Typer(add_completion=False)
LOOPBACK = ("127.", "::1", "localhost")


@app.command()
def serve(
    *,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Listen there; else fleet.host.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=0, max=65_535, help="0 takes a free one; else fleet.port.")
    ] = None,
) -> None:
    """Run the fleet service: devices report to it, commands and the console ask it.

    An older database is upgraded first, a newer one refused. It stops at SIGTERM and Ctrl-C, when what was asked is
    answered. Without a proxy in front of it there is no TLS.
    """
    from slipway.serving.fleet.console.pages import console
    from slipway.serving.fleet.operators.acting import KnownPeople
    from slipway.serving.fleet.service.context import Service
    from slipway.serving.fleet.service.listening import listen
    from slipway.serving.fleet.service.running import run
    from slipway.serving.fleet.store.store import FleetStore

    loaded = load_settings()
    people = KnownPeople(loaded.settings.identity.people)
    people()
    at = host or loaded.settings.fleet.host
    with listen(at, loaded.settings.fleet.port if port is None else port) as sockets, FleetStore.of(loaded) as store:
        named = host is not None or port is not None
        fleet = _fleet(loaded, at, sockets.getsockname()[1], named=named)
        if not at.startswith(LOOPBACK):
            say(f"{at} can be reached by others, and this speaks plain HTTP: put a proxy with TLS before it.")
        service = Service(store, people, _channel(loaded), fleet, loaded=loaded)
        typer.echo(f"Listening at {fleet.url}, store {store.url.render_as_string()}")
        sys.stdout.flush()
        run(service, sockets, (console,))
    say("Stopped.")


def _fleet(loaded: "Loaded", host: str, port: int, *, named: bool) -> "Fleet":
    """The settings, with the address where it is found: requests are signed for it."""
    fleet = loaded.settings.fleet
    if named or fleet.port == 0:
        host = f"[{host}]" if ":" in host else host
        return fleet.model_copy(update={"url": f"http://{host}:{port}"})
    return fleet


def _channel(loaded: "Loaded") -> str:
    """Where devices find the channel."""
    from slipway.serving.release.places import channel_store

    return loaded.settings.channel.public_url or channel_store(loaded).url
