"""Which keys can sign here."""

from dataclasses import replace

import pytest
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, Key, SecretsHandler, Signature, Signer

from signed_channel import Office
from slipway.platform.identity.people import Revocation
from slipway.serving.release.signing import KeysAtHand


class Vault(Signer):
    """A key that never leaves it; here it does not even sign."""

    def __init__(self, key: Key) -> None:
        self._key = key

    @property
    def public_key(self) -> Key:
        return self._key

    @classmethod
    def from_priv_key_uri(cls, _uri: str, key: Key, _ask: SecretsHandler | None = None) -> "Vault":
        return cls(key)

    def sign(self, _: bytes) -> Signature:
        raise NotImplementedError


def test_keys_of_the_ring_sign_unless_they_were_revoked(office: Office) -> None:
    people = office.people()
    ids = {one.name: one.keys[0].keyid for one in people.persons}
    keys = KeysAtHand(office.loaded().settings.identity, people)
    assert keys.signers([ids["ada"], ids["dora"], "0" * 64]).keys() == {ids["ada"], ids["dora"]}

    revoked = Revocation(at=office.time.now(), reason="stolen")
    persons = [
        one.model_copy(update={"keys": (one.keys[0].model_copy(update={"revoked": revoked}),)})
        if one.name == "ada"
        else one
        for one in people.persons
    ]
    keys = KeysAtHand(office.loaded().settings.identity, replace(people, persons=tuple(persons)))
    assert keys.signers([ids["ada"], ids["dora"]]).keys() == {ids["dora"]}


def test_a_key_in_a_vault_signs_for_who_acts(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "vault-of-a-test", Vault)
    people = office.people()
    ada = people.person("ada").keys[0].keyid
    (office.ring.folder / "ada.pem").unlink()
    assert KeysAtHand(office.loaded().settings.identity, people).signers([ada]) == {}

    loaded = office.loaded(SLIPWAY_IDENTITY__SIGNER="vault-of-a-test:ada", SLIPWAY_IDENTITY__PERSON="ada")
    assert isinstance(KeysAtHand(loaded.settings.identity, people).signers([ada])[ada], Vault)


def test_a_vault_that_cannot_be_opened_is_told_and_others_sign(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    people = office.people()
    ada = people.person("ada").keys[0].keyid
    (office.ring.folder / "ada.pem").unlink()
    loaded = office.loaded(SLIPWAY_IDENTITY__SIGNER="hsm:2", SLIPWAY_IDENTITY__PERSON="ben")
    assert KeysAtHand(loaded.settings.identity, people).signers([ada]) == {}
    assert "The key in hsm:2 cannot be used" in caplog.text
