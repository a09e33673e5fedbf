"""A token and a key become a device: lost answers and killed processes are mended by doing the same again."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root

from fleet_stand_in import StandIn, standing_in
from slipway.serving.channel.http_transport import Pace
from slipway.serving.edge.cli import main
from slipway.serving.edge.configuration import DEVICE, Home
from slipway.serving.edge.fleet.book import read_page
from slipway.serving.edge.fleet.calling import NotReached, Service
from slipway.serving.edge.fleet.joining import check_token, join, signer_of
from slipway.serving.errors import SlipwayError, WrongUse

QUICK = Pace(connect_seconds=2, silent_seconds=0.5, patience_seconds=0.5)


def signed_root() -> bytes:
    """Root metadata, signed by its own key."""
    signer = CryptoSigner.generate_ed25519()
    root = Root(expires=datetime.now(UTC) + timedelta(days=1))
    root.add_key(signer.public_key, Root.type)
    metadata = Metadata(root)
    metadata.sign(signer)
    return metadata.to_bytes()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[StandIn]:
    """A service whose channel is an empty folder."""
    (tmp_path / "channel").mkdir()
    with standing_in(signed_root(), str(tmp_path / "channel")) as service:
        yield service


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty folder."""
    home = Home(tmp_path / "device")
    home.make()
    return home


def arguments(service: StandIn, home: Home, token: str, *more: str) -> list[str]:
    """What a person types."""
    return [
        "enrol", "--fleet", service.address, "--token", token, "--class", "edge-cpu", "--id", "gate-1",
        "--home", str(home.folder), *more,
    ]  # fmt: skip


def test_the_service_says_where_the_channel_is_and_what_to_run(service: StandIn, home: Home) -> None:
    assert main(arguments(service, home, service.token())) == 0
    device = home.enrolment()
    assert (device.fleet, device.site, device.models) == (service.address, "north", service.models)
    assert (device.channel, home.root(device)) == (service.channel, service.root)
    assert service.keys == {"gate-1": device.public_key}
    assert stat.S_IMODE(home.key.stat().st_mode) == 0o600


def test_the_same_again_mends_a_lost_answer(service: StandIn, home: Home) -> None:
    token = service.token()
    service.misbehave = "lose"
    assert main(arguments(service, home, token)) != 0
    assert not (home.folder / DEVICE).exists()
    assert len(service.keys) == 1
    service.misbehave = ""
    assert main(arguments(service, home, token)) == 0
    assert service.keys == {"gate-1": home.enrolment().public_key}


KILLED = """
import os, sys
from slipway.serving.edge import configuration, enrolment
from slipway.serving.edge.cli import main
from slipway.serving.bundle import durable
left, real = int(sys.argv[1]), durable.write_whole
def write(path, data, *, part):
    global left
    left -= 1
    if left < 0:
        part.write_bytes(data[: len(data) // 2])
        os.kill(os.getpid(), 9)
    real(path, data, part=part)
configuration.write_whole = write
main(sys.argv[2:])
"""


def test_killed_at_any_write_it_becomes_the_same_device_by_doing_the_same_again(service: StandIn, home: Home) -> None:
    token, writes = service.token(), 0
    while True:
        command = [sys.executable, "-c", KILLED, str(writes), *arguments(service, home, token)]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            break
        writes += 1
    assert writes >= 3, "key, number, root and device are each written"
    assert service.keys == {"gate-1": home.enrolment().public_key}
    assert list(home.folder.glob(".*.coming")) == []


def test_a_root_that_is_not_the_tokens_is_refused(service: StandIn, home: Home) -> None:
    signer = signer_of(home, make=True)
    token = service.token(root=b"another channel's")
    with pytest.raises(SlipwayError, match="which the token says"):
        join(Service(service.address), signer, token, "gate-1", "edge-cpu")


@pytest.mark.parametrize(
    ("misbehave", "why"),
    [
        ("redirect", "redirects are refused"), ("garbage", "no fleet service says"),
        ("endless", "answered more than"), ("slow", "too slow"),
    ],
)  # fmt: skip
def test_a_bad_service_costs_little(service: StandIn, home: Home, misbehave: str, why: str) -> None:
    service.misbehave = misbehave  # type: ignore[assignment]
    with pytest.raises(NotReached, match=why):
        join(Service(service.address, pace=QUICK), signer_of(home, make=True), service.token(), "gate-1", "edge-cpu")


def test_a_used_token_is_told_with_what_to_do(
    service: StandIn, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = service.token()
    assert main(arguments(service, home, token)) == 0
    assert main(arguments(service, Home(tmp_path / "other"), token, "--id", "gate-2")) == 1
    assert "This token was used. Ask for another." in capsys.readouterr().err.replace("\n", " ")


def test_numbers_that_the_service_knows_to_be_used_are_passed_over(service: StandIn, home: Home) -> None:
    service.sequences["gate-1"] = 41
    assert main(arguments(service, home, service.token())) == 0
    assert service.sequences["gate-1"] == 42
    assert read_page(home).taken >= 42


@pytest.mark.parametrize(
    "more",
    [
        ["--fleet", "http://127.0.0.1:1"], ["--fleet", "http://127.0.0.1:1", "--token", "sw1-abc"],
        ["--fleet", "http://127.0.0.1:1", "--token", "x", "--model", "a"], ["--token", "x", "--channel", "/c"],
        ["--channel", "/c", "--model", "a"],
        ["--fleet", "http://fleet.example", "--token", f"sw1-{'0' * 64}-{'0' * 32}"],
        [],
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused_before_anything_is_written(tmp_path: Path, more: list[str]) -> None:
    home = tmp_path / "device"
    assert main(["enrol", "--class", "edge-cpu", "--home", str(home), *more]) == 2
    assert not (home / DEVICE).exists()


def test_what_is_no_token_is_refused() -> None:
    with pytest.raises(WrongUse, match="no token"):
        check_token(f"sw1-{'0' * 64}-{'u' * 32}")


def test_a_key_that_is_none_is_never_overwritten(home: Home) -> None:
    home.key.write_bytes(b"something")
    with pytest.raises(SlipwayError, match="no key of a device"):
        signer_of(home, make=True)
    assert home.key.read_bytes() == b"something"
    assert [path.name for path in home.folder.iterdir()] == ["device.key"]
