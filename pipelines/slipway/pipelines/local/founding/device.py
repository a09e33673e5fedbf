"""Making a folder a device of the little fleet, by the fleet service, as `slipway-edge enrol` does.

Asked at each start of an agent, and nothing where the folder is what it should be. Where the service or the channel has
another address than before, the device follows other models, its channel was begun anew, or the service has forgotten
it, it is enrolled again with its own key; where the service knows the device by a key that is gone, that one is revoked
first. A device that a person revoked stays so. A token is made for one device, used at once and written nowhere.
"""

from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from slipway.pipelines.local.founding.fleets import HASTE, Device

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded
    from slipway.platform.store import Store
    from slipway.serving.edge.configuration import Enrolment, Home
    from slipway.serving.fleet.cli.client import FleetClient

TOKEN_COUNTS: Final = timedelta(minutes=10)
GONE: Final = "its folder on this machine is gone"


def ensure_enrolled(loaded: "Loaded", wanted: Device, home: "Home") -> str:
    """The folder is that device; what was done, in a sentence, or nothing."""
    from slipway.serving.edge.holding import held
    from slipway.serving.release.places import channel_store

    found = _find(home)
    channel = channel_store(loaded)
    anew = found is None or not _is_of_channel(channel, found.root)
    right = found is not None and not anew and _is_as_wanted(found, wanted, loaded)
    if right and not _is_forgotten(loaded, home, wanted.id):
        return ""
    home.make()
    now = datetime.now(UTC)
    with held(home.folder, "enrol", now):
        return _enrol(loaded, wanted, home, now, start_over=found is not None and anew)


def _find(home: "Home") -> "Enrolment | None":
    """Who the folder is; a damaged one is nobody and is written anew."""
    from slipway.serving.errors import SlipwayError as Damaged

    with suppress(Damaged):
        return home.find()
    return None


def _is_of_channel(channel: "Store", root: str) -> bool:
    """Whether the channel of the settings is the one that the device was enrolled with."""
    from slipway.serving.bundle.canonical import sha256
    from slipway.serving.channel.paths import METADATA

    names = (key for key in channel.list(f"{METADATA}/") if key.endswith(".root.json"))
    return any(sha256(channel.get(key)) == root for key in names)


def _is_as_wanted(found: "Enrolment", wanted: Device, loaded: "Loaded") -> bool:
    settings = loaded.settings
    who = (found.id, found.device_class, found.models, found.cohorts, found.site)
    return (
        who == (wanted.id, wanted.device_class, wanted.models, wanted.cohorts, wanted.site)
        and found.fleet == settings.fleet.url.rstrip("/")
        and found.channel == (settings.channel.public_url or settings.channel.url).rstrip("/")
    )


def _is_forgotten(loaded: "Loaded", home: "Home", device: str) -> bool:
    """Whether the service refused the device of late, and knows none of that name, as after its database is gone."""
    from slipway.platform.errors import WrongUse
    from slipway.serving.edge.fleet.book import Book
    from slipway.serving.fleet.cli.client import FleetClient

    trouble = Book(home).trouble
    if trouble is None or trouble.kind != "revoked":
        return False
    try:
        FleetClient.of(loaded).get(f"/v1/devices/{device}")
    except WrongUse:
        return True
    return False


def _enrol(loaded: "Loaded", wanted: Device, home: "Home", now: datetime, *, start_over: bool) -> str:
    from slipway.serving.edge.configuration import DEVICE, Network
    from slipway.serving.edge.enrolment import enrol
    from slipway.serving.edge.fleet.calling import service_of
    from slipway.serving.edge.fleet.joining import ask_to_join
    from slipway.serving.fleet.cli.client import FleetClient

    again = (home.folder / DEVICE).exists()
    client = FleetClient.of(loaded)
    if not home.key.exists():
        _forget_other(client, wanted.id)
    token = _token(loaded, client, wanted, now + TOKEN_COUNTS)
    told, root, signer = ask_to_join(
        home,
        service_of(loaded.settings.fleet.url, Network()),
        token,
        device_class=wanted.device_class,
        name=wanted.id,
        more=HASTE,
        again=again,
        now=now,
    )
    enrol(home, told, root, now, again=again, start_over=start_over, signer=signer)
    return f"The device {wanted.id} is enrolled{' again' if again else ''}: it follows {', '.join(told.models)}."


def _forget_other(client: "FleetClient", device: str) -> None:
    """A device of this name, whose key is gone, is believed no more; else this one could not take its place."""
    from slipway.platform.errors import WrongUse

    with suppress(WrongUse):  # there is none
        there = client.get(f"/v1/devices/{device}")
        if there["revoked_at"] is None:
            client.post(f"/v1/devices/{device}/revoke", {"reason": GONE})


def _token(loaded: "Loaded", client: "FleetClient", wanted: Device, until: datetime) -> str:
    from slipway.platform.registry.desk import Desk
    from slipway.serving.fleet.cli import tokens
    from slipway.serving.release.opening import open_repository

    root = open_repository(Desk.of(loaded)).root_bytes()
    wish = tokens.Wish(wanted.id, wanted.device_class, wanted.site, wanted.cohorts, wanted.models)
    [made] = tokens.made([wish], root, until)
    client.post("/v1/tokens", {"root": b64encode(root).decode(), "tokens": [dict(made.body)]})
    return made.token
