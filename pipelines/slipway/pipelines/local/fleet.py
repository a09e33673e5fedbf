"""The little fleet's part of the local stack: channel server, fleet service with its console, controller and agents.

It looks at what was founded and changes nothing. Addresses and the usual plan of rollouts are settings of the stack, so
every command of the project means this fleet while it runs; a value that the project names itself is left alone.
"""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.pipelines.local.component import Component, http
from slipway.pipelines.local.founding.agent import command_of
from slipway.pipelines.local.founding.fleets import REPORT_SECONDS, Device, devices_wanted
from slipway.pipelines.local.founding.founding import PERSON, staff_of
from slipway.pipelines.local.founding.staff import Staff, acting_as
from slipway.pipelines.local.place import Place
from slipway.pipelines.local.ports import LOOPBACK, Ports

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

GROUP: Final = "fleet"
SERVICE, CHANNEL, CONTROLLER = "fleet", "channel", "controller"
SERVICE_PORT, CHANNEL_PORT = 8765, 8766
LOOK_SECONDS: Final = 2
"""Between two looks of the controller."""
HEARD_SECONDS: Final = 60.0
"""An agent that the fleet service took no report of for so long is not well."""
PLAN: Final = Path(__file__).parent / "founding" / "rollout.yaml"


def components(place: Place, loaded: "Loaded", ports: Ports, *, agents: int) -> Sequence[Component]:
    """All of them; no agents where no model can run on this machine."""
    people = staff_of(loaded)
    channel = _channel(place, loaded, ports)
    service = _service(place, loaded, ports, people, channel)
    settings = {**channel.settings, **service.settings}
    controller = _controller(place, people, settings)
    devices = devices_wanted(agents)
    return [channel, service, controller, *(_agent(place, people, one, settings) for one in devices)]


def console(loaded: "Loaded") -> str:
    """A one-time address that begins a session of the person at the console."""
    from slipway.serving.fleet.cli.client import FleetClient

    client = FleetClient.of(acting_as(loaded, staff_of(loaded).person))
    return str(client.post("/v1/sessions")["address"])


def _channel(place: Place, loaded: "Loaded", ports: Ports) -> Component:
    """Gives out what is written at `channel.url`, wherever that is."""
    port = ports.take(CHANNEL, CHANNEL_PORT)
    address = f"http://{LOOPBACK}:{port}"
    return Component(
        name=CHANNEL,
        group=GROUP,
        command=[place.python, "-P", "-m", "slipway.pipelines.local.channel_server", str(port)],
        folder=loaded.root,
        environ=place.environ(),
        ready=http(f"{address}/metadata/timestamp.json"),
        settings={"channel.public_url": loaded.settings.channel.public_url or address},
    )


def _service(place: Place, loaded: "Loaded", ports: Ports, people: Staff, channel: Component) -> Component:
    port = ports.take(SERVICE, SERVICE_PORT)
    address = f"http://{LOOPBACK}:{port}"
    settings = {
        "fleet.url": address,
        "fleet.port": str(port),
        "fleet.report_seconds": f"{REPORT_SECONDS:g}",
        "fleet.plan": str(loaded.settings.fleet.plan or PLAN),
    }
    return Component(
        name=SERVICE,
        group=GROUP,
        command=place.slipway("fleet", "serve"),
        folder=loaded.root,
        environ=_environ(place, people.services["fleet"], {**channel.settings, **settings}),
        ready=http(f"{address}/readyz"),
        after=(CHANNEL,),
        address=address,
        settings=settings,
    )


def _controller(place: Place, people: Staff, settings: dict[str, str]) -> Component:
    return Component(
        name=CONTROLLER,
        group=GROUP,
        command=place.slipway("fleet", "control", "--every", str(LOOK_SECONDS), "--yes"),
        folder=place.root,
        environ=_environ(place, people.services["rollout"], settings),
        after=(SERVICE,),
    )


def _agent(place: Place, people: Staff, device: Device, settings: dict[str, str]) -> Component:
    """It enrols as a device first, which takes an operator."""
    home = device.home(place)
    return Component(
        name=device.id,
        group=GROUP,
        command=command_of(place, device.id),
        folder=place.root,
        environ=_environ(place, people.person, settings),
        ready=partial(_heard, home),
        after=(CHANNEL, SERVICE),
    )


def _heard(home: Path) -> str:
    """Empty where the fleet service has taken a report of the device of late."""
    try:
        ago = time.time() - (home / "reached").stat().st_mtime
    except FileNotFoundError:
        return "the fleet service has not heard of it yet"
    return "" if ago < HEARD_SECONDS else f"the fleet service has not heard of it for {ago:.0f} s"


def _environ(place: Place, who: str, settings: dict[str, str]) -> dict[str, str]:
    """Who acts, with the settings as variables."""
    named = {f"SLIPWAY_{name.upper().replace('.', '__')}": value for name, value in settings.items()}
    return place.environ(**named, **{PERSON: who})
