"""A channel in a bucket, read as a device would; and keys that lie in a vault."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from overseen.s3 import s3_server
from signed_channel import Follower, Killed, KillingStore, Office
from signed_channel.office import files_of
from slipway.platform.errors import SlipwayError, WrongUse
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.transport import NotThere
from slipway.serving.release.places import CHANNEL_SETTING, PIECE, StoreTransport, channel_store

MODEL = "small-bays"


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    with s3_server() as port:
        yield {
            "SLIPWAY_CHANNEL__URL": f"s3://slipway/{uuid.uuid4().hex}",
            "SLIPWAY_S3__ENDPOINT": f"http://127.0.0.1:{port}",
            "SLIPWAY_S3__REGION": "us-east-1",
            "SLIPWAY_S3__ACCESS_KEY_ID": "a",
            "SLIPWAY_S3__SECRET_ACCESS_KEY": "b",
        }


@pytest.mark.xdist_group("s3")
def test_a_channel_in_a_bucket_whose_writers_are_killed(
    bucket: dict[str, str], bundles: tuple[Bundle, ...], tmp_path: Path
) -> None:
    office = Office(tmp_path / "office", environ=bucket).known()
    store = channel_store(office.loaded())
    for before in (3, 1, 2):  # each goes on where the one before was killed
        with pytest.raises(Killed):
            office.repository(KillingStore(store, before)).found()
    assert office.repository().found() == ()
    release = office.lead(bundles[0])

    device = Follower(tmp_path / "trust", office.repository().root_bytes(), office)
    transport = StoreTransport(store)
    assert device.look(transport).base == release
    assert device.fetch(transport) == sum(path.stat().st_size for path in files_of(bundles[0]).values())
    with pytest.raises(NotThere):
        next(transport.open("metadata/99.root.json"))
    assert transport.place.startswith("s3://")


@pytest.mark.parametrize("url", ["gopher://models", "s3://a@b/c"])
def test_a_wrong_address_is_told_with_its_own_setting(office: Office, url: str) -> None:
    with pytest.raises(WrongUse) as raised:
        channel_store(office.loaded(SLIPWAY_CHANNEL__URL=url))
    assert CHANNEL_SETTING in str(raised.value.mend)
    assert CHANNEL_SETTING in raised.value.__notes__[0]


def test_what_is_wrong_with_the_place_is_told_with_its_own_setting(office: Office, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = channel_store(office.loaded(SLIPWAY_CHANNEL__URL=str(tmp_path / "file" / "channel")))
    for ask in (lambda: store.put("a", b""), lambda: store.get("a")):
        with pytest.raises(SlipwayError) as raised:
            ask()
        assert "SLIPWAY_STORE__URL" not in str(raised.value.mend)


def test_large_files_are_read_in_pieces_and_from_any_place(office: Office) -> None:
    store = channel_store(office.loaded())
    data = bytes(range(256)) * (PIECE // 256) + b"end"
    store.put("targets/large.bin", data)
    transport = StoreTransport(store)
    assert [len(piece) for piece in transport.open("targets/large.bin")] == [PIECE, 3]
    assert b"".join(transport.open("targets/large.bin", PIECE - 2)) == data[PIECE - 2 :]
    assert list(transport.open("targets/large.bin", len(data))) == []
    with pytest.raises(NotThere):
        next(transport.open("../outside"))
