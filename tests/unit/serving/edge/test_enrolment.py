"""Making a machine a device: everything is checked first, and an enrolment is never lost."""

import socket
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Metadata, Root, Timestamp

from slipway.serving.bundle.canonical import sha256
from slipway.serving.channel.transport import NotThere
from slipway.serving.edge.configuration import DEVICE, KEY, Home, root_name
from slipway.serving.edge.enrolment import (
    FIRST_ROOT,
    Wanted,
    check_place,
    check_wanted,
    default_id,
    enrol,
    lost,
    root_by_digest,
    root_from_file,
)
from slipway.serving.errors import SlipwayError, WrongUse

NOW = datetime(2026, 11, 29, 10, tzinfo=UTC)
WANTED = Wanted(channel="https://models.example", device_class="edge-cpu", models=("bay-occupancy",))


class Files:
    """A channel's files in memory."""

    place = "memory"

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        if path not in self.files:
            raise NotThere(f"{self.place} has no {path}.")
        yield self.files[path][start:]


def signed_root() -> bytes:
    """Root metadata, signed by its own key."""
    signer = CryptoSigner.generate_ed25519()
    root = Root(expires=NOW + timedelta(days=1))
    root.add_key(signer.public_key, Root.type)
    metadata = Metadata(root)
    metadata.sign(signer)
    return metadata.to_bytes()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty folder."""
    home = Home(tmp_path / "device")
    home.make()
    return home


@pytest.fixture(scope="module")
def root() -> bytes:
    """A channel's root."""
    return signed_root()


def enrolled(home: Home, root: bytes, wanted: Wanted = WANTED, **how: bool) -> str:
    """Enrol; the device's id."""
    return enrol(home, wanted, root, NOW, again=how.get("again", False), start_over=how.get("start_over", False)).id


def test_a_device_has_a_key_of_its_own_that_nobody_else_can_read(home: Home, root: bytes) -> None:
    name = enrolled(home, root)
    device = home.enrolment()
    assert (device.id, device.enrolled_at, device.root) == (name, NOW, sha256(root))
    assert home.root(device) == root
    assert {path.name for path in home.folder.iterdir()} == {DEVICE, KEY, root_name(sha256(root))}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in home.folder.iterdir())
    public = SSlibKey("device", "ed25519", "ed25519", {"public": device.public_key})
    signature = CryptoSigner.from_priv_key_uri(f"file2:{home.key}", public).sign(b"it is me")
    public.verify_signature(signature, b"it is me")


def test_an_enrolment_is_not_overwritten(home: Home, root: bytes) -> None:
    enrolled(home, root)
    before = {path: path.read_bytes() for path in home.folder.iterdir()}
    with pytest.raises(WrongUse, match="already") as caught:
        enrolled(home, root)
    assert "--again" in str(caught.value.mend)
    assert {path: path.read_bytes() for path in home.folder.iterdir()} == before


def test_again_changes_what_it_follows_and_keeps_who_it_is(home: Home, root: bytes) -> None:
    name, key = enrolled(home, root), home.key.read_bytes()
    more = Wanted("https://models.example", "edge-cpu", ("bay-occupancy", "vehicle-detect"), cohorts=("first",))
    assert enrolled(home, root, more, again=True) == name
    assert home.key.read_bytes() == key
    assert home.enrolment().models == ("bay-occupancy", "vehicle-detect")


@pytest.mark.parametrize("changed", ["root", "class"])
def test_what_is_installed_is_forgotten_only_by_who_says_so(home: Home, root: bytes, changed: str) -> None:
    name = enrolled(home, root)
    installed = home.folder / "models/bay-occupancy/journal"
    installed.parent.mkdir(parents=True)
    installed.touch()
    another = Wanted(WANTED.channel, "edge-gpu", WANTED.models) if changed == "class" else WANTED
    given = signed_root() if changed == "root" else root
    with pytest.raises(WrongUse, match="is of no use then") as caught:
        enrolled(home, given, another, again=True)
    assert "--start-over" in str(caught.value.mend)
    assert installed.exists()
    assert home.root(home.enrolment()) == root
    assert enrolled(home, given, another, again=True, start_over=True) == name
    assert not (home.folder / "models").exists()
    assert home.root(home.enrolment()) == given
    assert len(list(home.folder.glob("root.*.json"))) == 1


def test_a_device_that_lost_its_key_does_not_get_another_one_silently(home: Home, root: bytes) -> None:
    enrolled(home, root)
    home.key.write_bytes(CryptoSigner.generate_ed25519().private_bytes)
    with pytest.raises(SlipwayError, match="is not the key of the device"):
        enrolled(home, root, again=True)
    home.key.unlink()
    with pytest.raises(SlipwayError, match="is not the key of the device"):
        enrolled(home, root, again=True)


@pytest.mark.parametrize("left", [0, 150, -3])
@pytest.mark.parametrize("start_over", [False, True])
def test_a_damaged_device_is_written_anew_for_the_same_key(
    home: Home, root: bytes, left: int, *, start_over: bool
) -> None:
    name, key = enrolled(home, root, replace(WANTED, id="gate-7")), home.key.read_bytes()
    before, file = home.enrolment(), home.folder / DEVICE
    installed = home.folder / "models/bay-occupancy/journal"
    installed.parent.mkdir(parents=True)
    installed.touch()
    file.write_bytes(file.read_bytes()[:left])
    assert lost(home) is not None
    with pytest.raises(SlipwayError, match=r"device\.json") as told:
        enrolled(home, root)
    assert "--again" in str(told.value.mend)
    again = enrolled(home, root, again=True, start_over=start_over)
    assert again == (name if left else default_id(socket.gethostname(), before.public_key))
    assert (home.enrolment().public_key, home.key.read_bytes()) == (before.public_key, key)
    assert installed.exists() is not start_over
    assert lost(home) is None


def test_a_damaged_device_with_another_root_or_without_a_key_is_not_guessed(home: Home, root: bytes) -> None:
    enrolled(home, root)
    (home.folder / DEVICE).write_bytes(b"")
    with pytest.raises(WrongUse, match="is of no use then"):
        enrolled(home, signed_root(), again=True)
    home.key.write_bytes(b"rubbish")
    with pytest.raises(SlipwayError, match="Nor can its key be read"):
        enrolled(home, root, again=True)
    home.key.unlink()
    with pytest.raises(SlipwayError, match="Nor can its key be read") as told:
        enrolled(home, root, again=True)
    assert "then this becomes another device" in str(told.value.mend)


def test_a_root_is_found_by_its_digest(root: bytes) -> None:
    files = Files({FIRST_ROOT: root})
    assert root_by_digest(files, sha256(root).upper()) == root
    with pytest.raises(SlipwayError, match=f"has the sha256 {sha256(root)}, expected {'0' * 64}"):
        root_by_digest(files, "0" * 64)
    with pytest.raises(WrongUse, match="is no sha256"):
        root_by_digest(files, "12")
    with pytest.raises(SlipwayError, match=r"endless or too large"):
        root_by_digest(Files({FIRST_ROOT: bytes(1 << 20)}), "0" * 64)


def test_what_is_no_root_is_refused(tmp_path: Path, root: bytes) -> None:
    path = tmp_path / "root.json"
    other = Metadata(Timestamp()).to_bytes()
    changed = root.replace(b'"consistent_snapshot":true', b'"consistent_snapshot":false')
    assert changed != root
    for data in (b"", b"{}", b"[" * 50_000, other, changed):
        path.write_bytes(data)
        with pytest.raises(SlipwayError, match=r"root\.json is no root metadata"):
            root_from_file(path)
    path.write_bytes(root)
    assert root_from_file(path) == root


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        (Wanted(WANTED.channel, "Edge CPU", WANTED.models), "--class is `Edge CPU`; expected small letters"),
        (Wanted(WANTED.channel, "edge-cpu", ("../x",)), "--model is `../x`; expected small letters"),
        (
            Wanted(WANTED.channel, "edge-cpu", WANTED.models, id="North Gate"),
            "--id is `North Gate`; expected up to 64 small letters",
        ),
        (
            Wanted(WANTED.channel, "edge-cpu", WANTED.models, more={"threads": 0}),
            "--threads is `0`; expected 1 or more",
        ),
        (
            Wanted(WANTED.channel, "edge-cpu", WANTED.models, more={"polling": {"every_s": 0.0}}),
            "--every is `0`; expected 5",
        ),
        (Wanted(WANTED.channel, "edge-cpu", WANTED.models, cohorts=("A B",)), "--cohort is `A B`; expected up to 63"),
        (Wanted(WANTED.channel, "edge-cpu", WANTED.models * 2), "--model: .* twice"),
    ],
)
def test_names_that_no_device_can_have_are_refused_before_anybody_is_asked(wanted: Wanted, place: str) -> None:
    with pytest.raises(WrongUse, match=f"^{place}") as told:
        check_wanted(wanted, NOW)
    assert "slipway-edge enrol --help" in str(told.value.mend)


def test_two_machines_of_one_name_are_two_devices() -> None:
    first, second = (default_id("Jetson_01.local", digit * 64) for digit in "12")
    assert first.startswith("jetson-01-")
    assert first != second
    assert default_id("äöü", "1" * 64).isalnum()


def test_a_folder_is_kept_by_its_full_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_place("stick") == str(tmp_path / "stick")
    assert check_place("https://models.example/") == "https://models.example"
