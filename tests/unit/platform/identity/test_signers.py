"""Who acts follows from the settings, and whoever does can be checked by everyone else."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, Key, Signature, Signer, SSlibKey

from slipway.platform.errors import WrongUse
from slipway.platform.identity import IdentityError, NotTrusted, People, Role, sign, signer_for, verify
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.identity.people_changes import Trust, revocation, revoking, trusting
from slipway.platform.identity.signers import acting_name
from slipway.platform.settings.schema import Identity

KIND = "kind/example"

Vault = tuple[type[Signer], SSlibKey]


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    """Settings of somebody who has no key yet."""
    return Identity(keys=tmp_path / "keys", people=tmp_path / "people.toml")


@pytest.fixture
def trusted(identity: Identity, moment: datetime) -> Callable[..., People]:
    """Make a key on this machine for each name and trust it."""

    def make(*names: str) -> People:
        ring, people = KeyRing(identity.keys), People(source="people.toml")
        for name in names:
            ring.make(name)
            people = trusting(people, Trust(name=name, key=ring.load(name).public_key), moment)
        return people

    return make


Trusted = Callable[..., People]


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """A vault in another process under the scheme `testvault:`, and the public key that lies in it."""
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("vault_process.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    asked, answered = process.stdin, process.stdout
    assert asked is not None
    assert answered is not None
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(answered.readline()))
    signer = vault_signer(asked, answered)
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "testvault", signer)
    yield signer, SSlibKey.from_crypto(public)
    process.kill()
    process.communicate()


def vault_signer(asked: IO[str], answered: IO[str]) -> type[Signer]:
    """A signer for whatever the other process keeps."""

    class VaultSigner(Signer):
        def __init__(self, key: Key) -> None:
            self.key = key

        @property
        def public_key(self) -> Key:
            return self.key

        @classmethod
        def from_priv_key_uri(cls, _address: str, public_key: Key, _ask: object = None) -> "VaultSigner":
            return cls(public_key)

        def sign(self, payload: bytes) -> Signature:
            asked.write(payload.hex() + "\n")
            asked.flush()
            answer = answered.readline().strip()
            if not answer:
                raise ConnectionError("the vault is sealed")
            return Signature(self.key.keyid, answer)

    return VaultSigner


def test_the_only_key_acts(identity: Identity, trusted: Trusted) -> None:
    people = trusted("ada")
    signer = signer_for(identity, people)
    assert signer.person.name == acting_name(identity, people) == "ada"
    assert verify(people, sign(signer, b"text", KIND), KIND).person.name == "ada"


def test_of_several_keys_the_settings_choose(identity: Identity, trusted: Trusted) -> None:
    people = trusted("ada", "grace")
    assert signer_for(identity.model_copy(update={"person": "grace"}), people).person.name == "grace"
    with pytest.raises(WrongUse, match=r"several keys .*: ada, grace") as refused:
        signer_for(identity, people)
    assert "SLIPWAY_IDENTITY__PERSON=ada" in (refused.value.mend or "")
    assert acting_name(identity, people) is None


def test_keys_of_other_projects_and_of_services_do_not_hide_the_person_who_acts(
    identity: Identity, trusted: Trusted, moment: datetime
) -> None:
    ring = KeyRing(identity.keys)
    people = trusted("ada")
    ring.make("elsewhere")
    assert signer_for(identity, people).person.name == acting_name(identity, people) == "ada"
    for name, role in (("flows", Role.TRAINER), ("keeper", Role.CHANNEL_ROOT)):
        ring.make(name)
        wanted = Trust(name=name, key=ring.load(name).public_key, roles=(role,), service=name == "flows")
        people = trusting(people, wanted, moment)
    assert signer_for(identity, people).person.name == acting_name(identity, people) == "ada"


def test_without_a_key_there_is_a_way_to_one(identity: Identity, trusted: Trusted) -> None:
    with pytest.raises(WrongUse, match="There is no key in") as refused:
        signer_for(identity, People())
    assert "slipway identity init NAME" in (refused.value.mend or "")
    people = trusted("ada")
    with pytest.raises(WrongUse, match="no key of `adda`") as refused:
        signer_for(identity.model_copy(update={"person": "adda"}), people)
    assert "Did you mean `ada`?" in (refused.value.mend or "")


def test_a_key_that_nobody_trusts_does_not_sign(identity: Identity, trusted: Trusted) -> None:
    trusted("ada")
    with pytest.raises(NotTrusted, match="does not know the key of `ada` on this machine") as refused:
        signer_for(identity, People(source="people.toml"))
    assert "slipway identity trust ada --key FILE" in (refused.value.mend or "")


def test_a_key_under_the_name_of_someone_else_does_not_sign(
    identity: Identity, trusted: Trusted, moment: datetime
) -> None:
    trusted("ada")
    key = KeyRing(identity.keys).load("ada").public_key
    people = trusting(People(), Trust(name="grace", key=key), moment)
    with pytest.raises(NotTrusted, match="belongs to `grace`"):
        signer_for(identity, people)


def test_a_revoked_key_does_not_sign(identity: Identity, trusted: Trusted, moment: datetime) -> None:
    people = trusted("ada")
    keyid = people.persons[0].keys[0].keyid
    with pytest.raises(NotTrusted, match=r"of `ada` was revoked \(laptop stolen\)"):
        signer_for(identity, revoking(people, keyid, revocation(None, "laptop stolen", moment)))


def test_a_key_in_a_vault_signs_and_no_file_is_needed(identity: Identity, vault: Vault, moment: datetime) -> None:
    _, key = vault
    people = trusting(People(), Trust(name="gates", key=key, service=True, roles=(Role.GATE_SERVICE,)), moment)
    chosen = identity.model_copy(update={"signer": "testvault:gates/1", "person": "gates"})
    signer = signer_for(chosen, people)
    found = verify(people, sign(signer, b"verdict", KIND), KIND, role=Role.GATE_SERVICE)
    assert (found.person.name, found.payload) == ("gates", b"verdict")
    assert not identity.keys.exists()


def test_the_address_of_a_vault_says_which_key_and_who_acts(identity: Identity, vault: Vault, moment: datetime) -> None:
    _, key = vault
    laptop = CryptoSigner.generate_ed25519().public_key
    people = trusting(People(), Trust(name="ada", key=laptop), moment)
    people = trusting(people, Trust(name="ada", key=key, signer="testvault:ada/1"), moment)
    chosen = identity.model_copy(update={"signer": "testvault:ada/1"})
    assert acting_name(chosen, people) == "ada"
    assert signer_for(chosen, people).key.keyid == key.keyid


def test_an_address_that_nobody_is_known_by_is_refused(identity: Identity, vault: Vault, moment: datetime) -> None:
    people = trusting(People(), Trust(name="ada", key=vault[1]), moment)
    with pytest.raises(NotTrusted, match="no keys that could lie at `testvault:x`") as refused:
        signer_for(identity.model_copy(update={"signer": "testvault:x"}), people)
    assert "--signer testvault:x" in (refused.value.mend or "")


def test_of_two_keys_that_could_lie_in_the_vault_none_is_guessed(
    identity: Identity, vault: Vault, moment: datetime
) -> None:
    people = trusting(People(), Trust(name="ada", key=vault[1]), moment)
    people = trusting(people, Trust(name="ada", key=CryptoSigner.generate_ed25519().public_key), moment)
    chosen = identity.model_copy(update={"signer": "testvault:x", "person": "ada"})
    with pytest.raises(NotTrusted, match="2 keys of `ada`"):
        signer_for(chosen, people)


def test_a_vault_that_signs_with_another_key_is_found_out_at_once(
    identity: Identity, vault: Vault, moment: datetime
) -> None:
    assert vault
    other = CryptoSigner.generate_ed25519().public_key
    people = trusting(People(), Trust(name="ada", key=other, signer="testvault:ada"), moment)
    signer = signer_for(identity.model_copy(update={"signer": "testvault:ada"}), people)
    with pytest.raises(IdentityError, match="does not fit the public key") as refused:
        sign(signer, b"text", KIND)
    assert "another key" in (refused.value.mend or "")


def test_a_vault_that_fails_says_so_in_one_message(
    identity: Identity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moment: datetime
) -> None:
    (tmp_path / "nothing").write_text("")
    key = CryptoSigner.generate_ed25519().public_key
    people = trusting(People(), Trust(name="ada", key=key, signer="testvault:ada"), moment)
    with (tmp_path / "asked").open("w") as asked, (tmp_path / "nothing").open() as silent:
        monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "testvault", vault_signer(asked, silent))
        signer = signer_for(identity.model_copy(update={"signer": "testvault:ada"}), people)
        with pytest.raises(IdentityError, match="key of `ada` did not sign: ConnectionError: the vault is sealed"):
            sign(signer, b"text", KIND)


def test_a_missing_library_is_answered_with_what_to_install(
    identity: Identity, monkeypatch: pytest.MonkeyPatch, moment: datetime
) -> None:
    class Absent(CryptoSigner):
        @classmethod
        def from_priv_key_uri(cls, *_: object) -> CryptoSigner:
            raise UnsupportedLibraryError("needs hvac")

    key = CryptoSigner.generate_ed25519().public_key
    for scheme, hint in (("hv", "pip install 'securesystemslib[vault]'"), ("testvault", "Install the library")):
        monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, scheme, Absent)
        people = trusting(People(), Trust(name="ada", key=key, signer=f"{scheme}:ada/1"), moment)
        with pytest.raises(IdentityError, match="needs hvac") as refused:
            signer_for(identity.model_copy(update={"signer": f"{scheme}:ada/1"}), people)
        assert hint in (refused.value.mend or "")


def test_a_kind_of_key_that_the_vault_cannot_use_is_told_without_a_traceback(
    identity: Identity, monkeypatch: pytest.MonkeyPatch, moment: datetime
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    key = CryptoSigner.generate_ed25519().public_key
    people = trusting(People(), Trust(name="ada", key=key, signer="awskms:alias/ada"), moment)
    with pytest.raises(IdentityError, match="cannot sign with the ed25519 key"):
        signer_for(identity.model_copy(update={"signer": "awskms:alias/ada"}), people)


def test_a_key_on_a_nist_curve_is_taken_to_its_vault(
    identity: Identity, monkeypatch: pytest.MonkeyPatch, moment: datetime
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    key = CryptoSigner(generate_private_key(SECP256R1())).public_key
    people = trusting(People(), Trust(name="ada", key=key, signer="awskms:alias/ada"), moment)
    signer = signer_for(identity.model_copy(update={"signer": "awskms:alias/ada"}), people)
    assert type(signer.signer).__name__ == "AWSSigner"
    assert signer.signer.public_key == key


def test_a_secret_that_the_vault_wants_is_asked_for(
    identity: Identity, monkeypatch: pytest.MonkeyPatch, moment: datetime
) -> None:
    class Locked(CryptoSigner):
        @classmethod
        def from_priv_key_uri(cls, _address: str, _key: Key, ask: Callable[[str], str] | None = None) -> CryptoSigner:
            if ask is None or ask("pin") != "1234":
                raise ValueError("wrong pin")
            return token

    token = CryptoSigner.generate_ed25519()
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "testvault", Locked)
    people = trusting(People(), Trust(name="ada", key=token.public_key, signer="testvault:ada"), moment)
    chosen = identity.model_copy(update={"signer": "testvault:ada"})
    assert signer_for(chosen, people, ask={"pin": "1234"}.__getitem__).signer is token
    with pytest.raises(IdentityError, match="wrong pin"):
        signer_for(chosen, people)


def test_an_unknown_kind_of_vault_is_answered_with_the_nearest(identity: Identity) -> None:
    with pytest.raises(WrongUse, match="`awskm:` is no vault") as refused:
        signer_for(identity.model_copy(update={"signer": "awskm:alias/x"}), People())
    assert "`awskms`" in (refused.value.mend or "")


@pytest.mark.parametrize("address", ["file2:/tmp/key.pem", "gnupg:", "plain"])
def test_a_file_does_not_pass_as_a_vault(identity: Identity, address: str) -> None:
    with pytest.raises(WrongUse, match="is no vault"):
        signer_for(identity.model_copy(update={"signer": address}), People())


def test_a_revoked_key_in_a_vault_does_not_sign(identity: Identity, vault: Vault, moment: datetime) -> None:
    people = trusting(People(), Trust(name="ada", key=vault[1], signer="testvault:ada"), moment)
    people = revoking(people, vault[1].keyid, revocation(None, "rotated", moment))
    for person in ("ada", None):
        with pytest.raises(NotTrusted, match="rotated"):
            signer_for(identity.model_copy(update={"signer": "testvault:ada", "person": person}), people)
