"""A device learns what its pins lead to, and its site's configuration, from one refresh."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import TargetFile

import small_onnx
from signed_channel import Misbehaviour, Office, Thief, serve
from slipway.serving.bundle.canonical import canonical, sha256
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.client import ChannelClient
from slipway.serving.channel.errors import ChannelError, Untrusted
from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.http_transport import HttpTransport
from slipway.serving.channel.limits import MOST
from slipway.serving.channel.paths import pointer_path, site_path, stored_path
from slipway.serving.channel.pointer import Named, Pin, Pointer
from slipway.serving.channel.site import LARGEST_SITE, Configured, SiteConfig, SitePointer
from slipway.serving.channel.transport import Transport

MODEL, SITE = "small-bays", "lisbon"


def client(office: Office, trust: Path, transport: Transport | Path) -> ChannelClient:
    reached = FolderTransport(transport) if isinstance(transport, Path) else transport
    return ChannelClient(trust, reached, office.repository().root_bytes(), device="bay-7", site=SITE)


def put(thief: Thief, path: str, data: bytes) -> None:
    """List a file as whoever has the rollout key can."""
    target = TargetFile.from_data(path, data, ["sha256"])
    stored = thief.folder / stored_path(path, sha256(data))
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(data)

    def listed(signed: object) -> None:
        signed.targets[path] = target  # type: ignore[attr-defined]

    thief.forge("channels", listed, by=["rollouts"])
    thief.show()


def site(office: Office, number: int, name: str = SITE) -> SitePointer:
    configured = Configured(number=number, config=SiteConfig(zone="Europe/Lisbon"))
    return SitePointer(site=name, sequence=number, signed_at=office.time.now(), base=configured)


def bytes_of(pointer: Pointer | SitePointer) -> bytes:
    return canonical(pointer.model_dump(mode="json", exclude_none=True))


@pytest.fixture
def keys(office: Office, tmp_path: Path) -> Thief:
    """Whoever signs for the rollout service."""
    return Thief(office, tmp_path / "channel", ["rollouts"])


def test_a_look_brings_what_the_pins_of_this_device_lead_to_and_one_that_leads_nowhere_stops_nothing(
    office: Office, bundle: Bundle, keys: Thief, tmp_path: Path
) -> None:
    other = small_onnx.bundle(tmp_path / "other", seed=2)
    second = office.add(other, 2)
    office.repository().commit()
    keys = replace(keys, folder=tmp_path / "again")
    until = office.time.now() + timedelta(days=3)
    named, unknown = Named(number=2, bundle=second.bundle), Named(number=9, bundle="9" * 64)
    pointer = office.repository().pointer(MODEL)
    assert pointer is not None
    pins = (
        Pin(device="bay-7", release=unknown, until=until),
        Pin(site=SITE, release=named, until=until),
        Pin(device="bay-8", release=Named(number=1, bundle=bundle.digest), until=until),
    )
    changed = pointer.model_copy(update={"sequence": pointer.sequence + 1, "pins": pins})
    put(keys, pointer_path(MODEL), bytes_of(changed))
    look = client(office, tmp_path / "trust", keys.folder).look(MODEL, now=office.time.now())
    assert look.pinned == (second,)
    assert (
        office.client(tmp_path / "other-trust", FolderTransport(keys.folder)).look(MODEL, now=office.time.now()).pinned
        == ()
    )
    with serve(keys.folder) as served:
        served.plan.append(Misbehaviour("2.release.json", status=404))
        found = client(office, tmp_path / "new-trust", HttpTransport(served.url)).look(MODEL, now=office.time.now())
    assert (found.pinned, found.base) == ((), look.base)


def test_a_sites_configuration_comes_with_the_same_refresh_and_an_old_one_is_refused(
    office: Office, keys: Thief, tmp_path: Path
) -> None:
    put(keys, site_path(SITE), bytes_of(site(office, 2)))
    with serve(keys.folder) as served:
        device = client(office, tmp_path / "trust", HttpTransport(served.url))
        device.look(MODEL, now=office.time.now())
        before = len(served.asked)
        assert device.site(SITE, now=office.time.now()) == site(office, 2)
        assert device.site("porto", now=office.time.now()) is None
        assert [one.rpartition("/")[2].endswith("site.lisbon.json") for one in served.asked[before:]] == [True]
        device.look(MODEL, now=office.time.now())
        before = len(served.asked)
        assert device.site(SITE, now=office.time.now()) == site(office, 2)
        assert len(served.asked) == before
    put(keys, site_path(SITE), bytes_of(site(office, 1)))
    device = client(office, tmp_path / "trust", keys.folder)
    with pytest.raises(Untrusted, match="has the sequence 1, and 2 was seen"):
        device.site(SITE, now=office.time.now())
    assert client(office, tmp_path / "new", keys.folder).site(SITE, now=office.time.now()) == site(office, 1)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{}", "makes no sense"),
        (b" " * (LARGEST_SITE + 1), "too large"),
        (b'{"site": "porto", "sequence": 1, "signed_at": "2026-03-02T09:00:00Z"}', "is of the site `porto`"),
    ],
)
def test_a_configuration_that_is_none_of_this_site_is_refused(
    office: Office, keys: Thief, tmp_path: Path, data: bytes, told: str
) -> None:
    put(keys, site_path(SITE), data)
    with pytest.raises(ChannelError, match=told):
        client(office, tmp_path / "trust", keys.folder).site(SITE, now=office.time.now())


def test_the_mark_of_a_stolen_key_is_forgotten_with_the_key_and_a_damaged_one_begins_again(
    office: Office, keys: Thief, tmp_path: Path
) -> None:
    trust = tmp_path / "trust"
    put(keys, site_path(SITE), bytes_of(site(office, MOST)))
    client(office, trust, keys.folder).site(SITE, now=office.time.now())
    put(keys, site_path(SITE), bytes_of(site(office, 1)))
    with pytest.raises(Untrusted):
        client(office, trust, keys.folder).site(SITE, now=office.time.now())
    marks = trust / "sites.json"
    marks.write_bytes(marks.read_bytes().replace(b'"keys":["', b'"keys":["0'))  # a key that may sign no longer
    assert client(office, trust, keys.folder).site(SITE, now=office.time.now()) == site(office, 1)
    marks.write_bytes(b"{")
    assert client(office, trust, keys.folder).site(SITE, now=office.time.now()) == site(office, 1)
