"""Public keys: their kinds, their names and the block that one person hands to another.

A key's name (keyid) is securesystemslib's: the sha256 of its canonical form. The block is PEM (SubjectPublicKeyInfo),
which vaults print too. Ed25519 is what `slipway identity init` makes; NIST curves are here because most vaults and
hardware tokens can do nothing else. Other kinds are refused.
"""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from securesystemslib.signer import (
    ECDSA_SHA2_NISTP256,
    ECDSA_SHA2_NISTP384,
    ECDSA_SHA2_NISTP521,
    ED25519,
    KEY_TYPE_ECDSA,
    KEY_TYPE_ED25519,
    SSlibKey,
)

from slipway.platform.errors import WrongUse

KEYTYPES = {
    ED25519: KEY_TYPE_ED25519,
    ECDSA_SHA2_NISTP256: KEY_TYPE_ECDSA,
    ECDSA_SHA2_NISTP384: KEY_TYPE_ECDSA,
    ECDSA_SHA2_NISTP521: KEY_TYPE_ECDSA,
}
"""The key type of every signature scheme that is accepted."""

BLOCK_HINT = "Expected the block from `-----BEGIN PUBLIC KEY-----` to `-----END PUBLIC KEY-----`."


def public_key(keytype: str, scheme: str, public: str) -> SSlibKey:
    """The key of these fields; a `ValueError` says why they are not exactly how that key is written."""
    if KEYTYPES.get(scheme) != keytype:
        kinds = ", ".join(f"{known} with {accepted}" for accepted, known in KEYTYPES.items())
        raise ValueError(f"{keytype} with {scheme} is not accepted; accepted: {kinds}")
    key = SSlibKey.from_crypto(_parsed(keytype, public))
    if (key.scheme, key.keyval["public"]) != (scheme, public):
        raise ValueError(f"this is a {key.scheme} key whose public part is written {key.keyval['public']!r}")
    return key


def public_key_from_block(block: bytes, source: str) -> SSlibKey:
    """The key in a block that someone handed over; `source` says where it came from, for messages."""
    if b"PRIVATE KEY" in block:
        raise WrongUse(
            f"{source} holds a private key, which must never be handed over.",
            mend="Whoever sent it makes a new key. The file goes, wherever it was copied to.",
        )
    try:
        key = SSlibKey.from_crypto(load_pem_public_key(block))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise WrongUse(f"{source} holds no public key that can be used: {error}", mend=BLOCK_HINT) from None
    if key.scheme not in KEYTYPES:
        raise WrongUse(f"{source} holds a {key.scheme} key.", mend=f"Accepted: {', '.join(KEYTYPES)}.")
    return key


def block_of(key: SSlibKey) -> str:
    """The block to hand over."""
    parsed = _parsed(key.keytype, key.keyval["public"])
    return parsed.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _parsed(keytype: str, public: str) -> PublicKeyTypes:
    if keytype == KEY_TYPE_ED25519:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    try:
        return load_pem_public_key(public.encode())
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
