"""People, services, their roles and keys; signing a statement and finding out who signed one.

`signer_for` gives the key that acts by the settings, `load_people` everyone who is trusted; `sign` and `verify` make
and open envelopes. The ledger, verdicts and the channel sign with these and keep no keys of their own.
"""

import slipway.platform.identity.signer_library  # noqa: F401 - before anything imports the library itself
from slipway.platform.identity.envelope import Verified, sign, verify
from slipway.platform.identity.errors import BadEnvelope, IdentityError, NotTrusted
from slipway.platform.identity.people import People, Person, Revocation, TrustedKey
from slipway.platform.identity.people_file import load_people, parse_people
from slipway.platform.identity.roles import Role
from slipway.platform.identity.signers import PersonSigner, signer_for, signer_holding

__all__ = [
    "BadEnvelope",
    "IdentityError",
    "NotTrusted",
    "People",
    "Person",
    "PersonSigner",
    "Revocation",
    "Role",
    "TrustedKey",
    "Verified",
    "load_people",
    "parse_people",
    "sign",
    "signer_for",
    "signer_holding",
    "verify",
]
