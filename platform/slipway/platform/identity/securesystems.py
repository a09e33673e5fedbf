"""The names of securesystemslib that this package uses: keys, signers and the registry of vaults.

One place, because that library re-exports them without declaring so, which strict typing refuses.
"""

from securesystemslib.signer import (  # type: ignore[attr-defined]
    ECDSA_SHA2_NISTP256,
    ECDSA_SHA2_NISTP384,
    ECDSA_SHA2_NISTP521,
    ED25519,
    KEY_TYPE_ECDSA,
    KEY_TYPE_ED25519,
    SIGNER_FOR_URI_SCHEME,
    CryptoSigner,
    GPGSigner,
    Signer,
    SSlibKey,
)

__all__ = [
    "ECDSA_SHA2_NISTP256",
    "ECDSA_SHA2_NISTP384",
    "ECDSA_SHA2_NISTP521",
    "ED25519",
    "KEY_TYPE_ECDSA",
    "KEY_TYPE_ED25519",
    "SIGNER_FOR_URI_SCHEME",
    "CryptoSigner",
    "GPGSigner",
    "SSlibKey",
    "Signer",
]
