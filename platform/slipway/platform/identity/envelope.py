"""Signed statements: DSSE envelopes with one signature, in one spelling only.

What is signed is the payload together with its type, so a verdict can never pass as an approval. The envelope's JSON is
canonical and anything else is refused: one statement has one sequence of bytes, and every bit of it counts. `verify`
looks into no payload; whoever called it parses the bytes that come back, and nothing before.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from securesystemslib import dsse
from securesystemslib.exceptions import VerificationError

from slipway.platform.identity.errors import BadEnvelope, IdentityError, NotTrusted
from slipway.platform.identity.names import Keyid
from slipway.platform.identity.people import People, Person, TrustedKey
from slipway.platform.identity.roles import Role
from slipway.platform.identity.signers import PersonSigner

LARGEST_ENVELOPE = 4 * 1024 * 1024
"""Bytes of an envelope that are read at all."""


@dataclass(frozen=True)
class Verified:
    """A payload that `person` signed with the key of that name."""

    payload: bytes
    person: Person
    keyid: str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Signature(_Strict):
    keyid: Keyid
    sig: str


class _Envelope(_Strict):
    payload: str
    payloadType: str  # noqa: N815 - the format's own name
    signatures: list[_Signature] = Field(min_length=1, max_length=1)


def sign(signer: PersonSigner, payload: bytes, payload_type: str) -> bytes:
    """The envelope of a payload; made only if the signature fits the public key that others know."""
    envelope = dsse.Envelope(payload, payload_type, {})
    try:
        envelope.sign(signer.signer)
    except Exception as error:  # each vault's library has its own tree of errors
        raise IdentityError(
            f"The key of `{signer.person.name}` did not sign: {type(error).__name__}: {error}",
            mend="Nothing was written. Check the vault and this account's access to it, then try again.",
        ) from error
    if not _fits(envelope, signer.key):
        raise IdentityError(
            f"The signature does not fit the public key {signer.key.keyid} of `{signer.person.name}`.",
            mend="The vault signs with another key than the people file says; trust that one, or correct the address.",
        )
    data = _canonical(envelope)
    if len(data) > LARGEST_ENVELOPE:
        raise IdentityError(
            f"A payload of {len(payload)} bytes is too large to sign: put it in the store, sign its digest."
        )
    return data


def verify(
    people: People, envelope: bytes, payload_type: str, *, role: Role | None = None, at: datetime | None = None
) -> Verified:
    """The payload and who signed it, if that person may.

    Without `at` the key must be trusted now. `at` is a moment that others than the signer vouch for (see
    `TrustedKey.trusted_at`); a date inside the payload is not. `role` is looked up in `people` as they are today;
    to ask who held it in the past, give the people file of that time.
    """
    opened = _opened(envelope)
    if opened.payload_type != payload_type:
        raise BadEnvelope(f"This is signed as {opened.payload_type[:80]!r}, expected {payload_type!r}.")
    (keyid,) = opened.signatures
    person, key = people.holder(keyid) or (None, None)
    if person is None or key is None:
        raise NotTrusted(
            f"{people.source} knows nobody with the key {keyid}, which signed this.",
            mend="If you know whose it is: `slipway identity trust NAME --key FILE`.",
        )
    if not _fits(opened, key):
        raise BadEnvelope(f"The signature under the name of `{person.name}` is wrong: the content or it was changed.")
    _check_key(person, key, at)
    if role is not None and role not in person.roles:
        held = ", ".join(person.roles) or "none"
        raise NotTrusted(
            f"`{person.name}` signed this and is no {role} ({role} {role.meaning}); roles held: {held}.",
            mend=f"Someone who is {role} signs it, or `slipway identity trust {person.name} --role {role}`.",
        )
    return Verified(opened.payload, person, keyid)


def _check_key(person: Person, key: TrustedKey, at: datetime | None) -> None:
    """Refuse a key that does not count, now or at that moment."""
    if key.trusted_now() if at is None else key.trusted_at(at):
        return
    if key.revoked is None or (at is not None and at < key.since):
        raise NotTrusted(f"The key {key.keyid} of `{person.name}` counts since {key.since}, and this is from {at}.")
    raise NotTrusted(
        f"The key {key.keyid} of `{person.name}`, which signed this, was revoked from {key.revoked.at} on: "
        f"{key.revoked.reason}.",
        mend=f"`{person.name}` signs it again with another key.",
    )


def _opened(data: bytes) -> dsse.Envelope:
    """The envelope in these bytes, if they are exactly how it is written."""
    if len(data) > LARGEST_ENVELOPE:
        raise BadEnvelope(
            f"An envelope of {len(data)} bytes is refused unread; at most {LARGEST_ENVELOPE} are allowed."
        )
    try:
        fields = _Envelope.model_validate_json(data)
        envelope = dsse.Envelope.from_dict(fields.model_dump())
        spelled = _canonical(envelope)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in detail["loc"]) or "envelope"
        raise BadEnvelope(f"This is no envelope with one signature: {place}: {detail['msg']}.") from None
    except ValueError as error:
        raise BadEnvelope(f"This is no envelope: {error}.") from None
    if spelled != data:
        raise BadEnvelope("This envelope is not in canonical form: somebody wrote it anew or changed it.")
    return envelope


def _canonical(envelope: dsse.Envelope) -> bytes:
    return json.dumps(envelope.to_dict(), sort_keys=True, separators=(",", ":")).encode()


def _fits(envelope: dsse.Envelope, key: TrustedKey) -> bool:
    try:
        envelope.verify([key.public_key()], 1)
    except VerificationError:
        return False
    return True
