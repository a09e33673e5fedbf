"""Private keys are made once and whole, and one that others could have read is not used."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from securesystemslib.signer import CryptoSigner

from slipway.platform.errors import WrongUse
from slipway.platform.identity import IdentityError
from slipway.platform.identity.key_ring import KeyRing


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    """A key ring whose folder does not exist yet."""
    return KeyRing(tmp_path / "config" / "keys")


def mode(path: Path) -> int:
    """The permissions of a file or folder."""
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_key_that_was_made_signs(ring: KeyRing) -> None:
    assert ring.names() == ()
    assert ring.make("ada")
    assert ring.names() == ("ada",)
    signer = ring.load("ada")
    signer.public_key.verify_signature(signer.sign(b"text"), b"text")
    assert signer.public_key.keytype == "ed25519"


def test_a_key_is_never_overwritten(ring: KeyRing) -> None:
    ring.make("ada")
    before = (ring.folder / "ada.pem").read_bytes()
    unchanged = ring.folder.stat().st_mtime_ns
    assert not ring.make("ada")
    assert (ring.folder / "ada.pem").read_bytes() == before
    assert ring.folder.stat().st_mtime_ns == unchanged
    ring.make("grace")
    assert ring.load("grace").public_key != ring.load("ada").public_key


def test_what_stands_in_the_place_of_a_key_is_not_overwritten_either(ring: KeyRing) -> None:
    ring.make("grace")
    (ring.folder / "ada.pem").symlink_to("grace.pem")
    assert not ring.make("ada")
    assert (ring.folder / "ada.pem").is_symlink()


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_folder_and_files_are_closed_to_others_whatever_the_mask(ring: KeyRing, mask: int) -> None:
    before = os.umask(mask)
    try:
        ring.make("ada")
    finally:
        os.umask(before)
    assert mode(ring.folder) == 0o700
    assert {entry.name: mode(entry) for entry in ring.folder.iterdir()} == {"ada.pem": 0o600, ".lock": 0o600}


def test_a_key_file_is_closed_to_others_before_its_first_byte(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    opened = os.open

    def watched(path: str, flags: int, permissions: int = 0o777, *, dir_fd: int | None = None) -> int:
        file = opened(path, flags, permissions, dir_fd=dir_fd)
        if flags & os.O_CREAT:
            found = os.fstat(file)
            seen.append((stat.S_IMODE(found.st_mode), found.st_size))
        return file

    before = os.umask(0)
    monkeypatch.setattr(os, "open", watched)
    try:
        ring.make("ada")
    finally:
        os.umask(before)
    assert len(seen) == 2
    assert set(seen) == {(0o600, 0)}


@pytest.mark.parametrize("loose", [0o644, 0o640, 0o604, 0o660])
def test_a_key_file_that_others_can_reach_is_refused_with_what_mends_it(ring: KeyRing, loose: int) -> None:
    ring.make("ada")
    path = ring.folder / "ada.pem"
    path.chmod(loose)
    with pytest.raises(IdentityError, match=f"its mode is {loose:04o}, expected 0600") as refused:
        ring.load("ada")
    assert f"chmod 600 {path}" in (refused.value.mend or "")
    path.chmod(0o600)
    ring.load("ada")


def test_a_folder_that_others_can_reach_is_refused_with_what_mends_it(ring: KeyRing) -> None:
    ring.make("ada")
    ring.folder.chmod(0o750)
    for use in (ring.names, lambda: ring.load("ada"), lambda: ring.make("grace")):
        with pytest.raises(IdentityError, match="its mode is 0750, expected 0700") as refused:
            use()
        assert f"chmod 700 {ring.folder}" in (refused.value.mend or "")
    assert not (ring.folder / "grace.pem").exists()


def test_a_key_may_be_closed_even_to_writing_by_its_owner(ring: KeyRing) -> None:
    ring.make("ada")
    (ring.folder / "ada.pem").chmod(0o400)
    assert ring.load("ada").public_key.keytype == "ed25519"


def test_keys_of_another_account_are_refused(ring: KeyRing) -> None:
    ring.make("ada")
    other = KeyRing(ring.folder, owner=os.geteuid() + 1)
    for use in (other.names, lambda: other.load("ada"), lambda: other.make("grace")):
        with pytest.raises(IdentityError, match=f"belongs to user {os.geteuid()}, expected {os.geteuid() + 1}"):
            use()


def test_a_symlink_to_a_key_is_refused(ring: KeyRing, tmp_path: Path) -> None:
    ring.make("ada")
    (ring.folder / "ada.pem").rename(tmp_path / "elsewhere.pem")
    (ring.folder / "ada.pem").symlink_to(tmp_path / "elsewhere.pem")
    with pytest.raises(IdentityError, match=r"ada\.pem is a symlink"):
        ring.load("ada")


def test_a_symlink_to_a_folder_of_keys_is_refused(ring: KeyRing, tmp_path: Path) -> None:
    ring.make("ada")
    (tmp_path / "link").symlink_to(ring.folder)
    with pytest.raises(IdentityError, match="link is a symlink; expected a folder"):
        KeyRing(tmp_path / "link").names()
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    with pytest.raises(IdentityError, match="nowhere is a symlink"):
        KeyRing(tmp_path / "nowhere").make("ada")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    with pytest.raises(IdentityError, match="not a folder"):
        KeyRing(tmp_path / "keys").names()


def test_a_pipe_in_the_place_of_a_key_does_not_hang(ring: KeyRing) -> None:
    ring.make("grace")
    os.mkfifo(ring.folder / "ada.pem", 0o600)
    with pytest.raises(IdentityError, match="not a file"):
        ring.load("ada")


def test_keys_never_live_in_the_state_folder(tmp_path: Path) -> None:
    (tmp_path / ".slipway").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / ".slipway")
    for folder in (tmp_path / ".slipway" / "keys", tmp_path / ".slipway", tmp_path / "link" / "deep" / "keys"):
        with pytest.raises(WrongUse, match=r"must not live under \.slipway/"):
            KeyRing(folder)


def test_a_name_that_has_no_key_is_answered_with_the_nearest(ring: KeyRing) -> None:
    ring.make("grace")
    with pytest.raises(WrongUse, match="no key of `grac`") as refused:
        ring.load("grac")
    assert refused.value.mend == "Did you mean `grace`? `slipway identity init grac` makes one."


@pytest.mark.parametrize("name", ["", "..", "../ada", "/ada", "Ada", "ada\x00", "ada.pem/..", ".lock"])
def test_a_name_that_is_none_reaches_no_file(ring: KeyRing, name: str) -> None:
    for use in (ring.make, ring.load):
        with pytest.raises(WrongUse, match="is no name"):
            use(name)
    assert not ring.folder.exists()


def test_other_files_in_the_folder_are_no_keys(ring: KeyRing) -> None:
    ring.make("ada")
    for name in ("notes.txt", "Ada.pem", ".hidden.pem"):
        (ring.folder / name).write_text("")
    assert ring.names() == ("ada",)


def test_a_damaged_a_locked_and_a_foreign_key_are_refused(ring: KeyRing) -> None:
    ring.make("ada")
    path = ring.folder / "ada.pem"
    locked = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    for content in (b"", b"not a key", path.read_bytes()[:-40], locked):
        path.write_bytes(content)
        with pytest.raises(IdentityError, match="is not a private key without a passphrase"):
            ring.load("ada")
    path.write_bytes(CryptoSigner(generate_private_key(SECP256R1())).private_bytes)
    with pytest.raises(IdentityError, match="is not an ed25519 key"):
        ring.load("ada")


def test_makers_of_many_keys_at_once_do_not_hinder_each_other(ring: KeyRing) -> None:
    script = Path(__file__).with_name("make_keys.py")
    names = [f"a{number}" for number in range(30)]
    children = [
        subprocess.Popen([sys.executable, str(script), str(ring.folder), *names], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    made = [child.communicate(timeout=60)[0].split() for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert sorted(name for group in made for name in group) == sorted(names)
    assert sorted(ring.names()) == sorted(names)


def test_no_message_shows_a_private_key(ring: KeyRing) -> None:
    ring.make("ada")
    path = ring.folder / "ada.pem"
    secret = path.read_text().splitlines()[1]
    path.write_text(path.read_text().replace("-----END", "----END"))
    with pytest.raises(IdentityError) as refused:
        ring.load("ada")
    assert secret not in f"{refused.value}{refused.value.mend}"
