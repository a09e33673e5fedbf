"""A public key travels as a block, and nothing else is taken for one."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256K1,
    SECP256R1,
    SECP384R1,
    SECP521R1,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import CryptoSigner

from slipway.platform.errors import WrongUse
from slipway.platform.identity.keys import block_of, public_key_from_block

SOURCE = "ada.pub"


def test_every_accepted_kind_of_key_comes_back_from_its_block() -> None:
    curves = [generate_private_key(curve) for curve in (SECP256R1(), SECP384R1(), SECP521R1())]
    for signer in (CryptoSigner.generate_ed25519(), *map(CryptoSigner, curves)):
        assert public_key_from_block(block_of(signer.public_key).encode(), SOURCE) == signer.public_key


def test_text_around_the_block_does_no_harm() -> None:
    key = CryptoSigner.generate_ed25519().public_key
    mail = f"Hello,\n\n{block_of(key)}\nBye\n".replace("\n", "\r\n")
    assert public_key_from_block(mail.encode(), SOURCE) == key


@pytest.mark.parametrize(
    "block",
    [b"", b"\xff\xfe", b"not a key", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"],
)
def test_what_is_no_key_is_refused_with_what_was_expected(block: bytes) -> None:
    with pytest.raises(WrongUse, match=r"ada\.pub holds no public key that can be used") as refused:
        public_key_from_block(block, SOURCE)
    assert "BEGIN PUBLIC KEY" in (refused.value.mend or "")


def test_a_kind_that_is_not_accepted_is_refused() -> None:
    for key in (generate_rsa(65537, 2048), generate_private_key(SECP256K1())):
        block = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(WrongUse, match=r"ada\.pub holds"):
            public_key_from_block(block, SOURCE)


def test_a_private_key_is_refused_whatever_stands_around_it() -> None:
    signer = CryptoSigner.generate_ed25519()
    for block in (signer.private_bytes, block_of(signer.public_key).encode() + signer.private_bytes):
        with pytest.raises(WrongUse, match="a private key, which must never be handed over"):
            public_key_from_block(block, SOURCE)
