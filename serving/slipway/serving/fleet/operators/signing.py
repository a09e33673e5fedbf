"""Signing a request to the fleet service, and reading who signed one."""

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from slipway.platform.errors import SlipwayError
from slipway.platform.identity import BadEnvelope, IdentityError, NotTrusted, People, Person, PersonSigner, sign, verify

SCHEME: Final = "Slipway-Person"
STATEMENT: Final = "application/vnd.slipway.fleet-request+json"
CLOCKS: Final = timedelta(minutes=5)
"""By so much the clocks of a person's machine and of the service may differ."""
LARGEST: Final = 16 * 1024


class NotSigned(SlipwayError):
    """A request that proves nobody."""


class Statement(BaseModel):
    """What is signed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: str
    method: str
    path: str
    """With the question, as it is asked."""
    body: str
    """sha256."""
    at: AwareDatetime
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


@dataclass(frozen=True)
class Request:
    """A request, as both sides see it."""

    service: str
    """The address of the service, `fleet.url`."""
    method: str
    path: str
    body: bytes


@dataclass(frozen=True)
class SignedRequest:
    """Who made a request, and the proof."""

    person: Person
    keyid: str
    statement: Statement
    envelope: bytes


def header(request: Request, signer: PersonSigner, now: datetime | None = None) -> str:
    """The value of `Authorization`."""
    statement = Statement(
        service=plain_url(request.service),
        method=request.method,
        path=request.path,
        body=hashlib.sha256(request.body).hexdigest(),
        at=now or datetime.now(UTC),
        nonce=secrets.token_hex(16),
    )
    envelope = sign(signer, statement.model_dump_json().encode(), STATEMENT)
    return f"{SCHEME} {base64.b64encode(envelope).decode()}"


def plain_url(url: str) -> str:
    """In one spelling."""
    return url.rstrip("/").lower()


def read(value: str, request: Request, people: People, now: datetime) -> SignedRequest:
    """Whose request it is, where the signature is right and made for just this; its nonce is for the caller."""
    scheme, _, coded = value.partition(" ")
    if scheme != SCHEME or len(coded) > LARGEST:
        raise NotSigned(f"Expected a request that a person has signed: `Authorization: {SCHEME} …`.")
    try:
        envelope = base64.b64decode(coded, validate=True)
        verified = verify(people, envelope, STATEMENT)
        statement = Statement.model_validate_json(verified.payload)
    except (binascii.Error, ValidationError, ValueError):
        raise NotSigned("The signature of this request cannot be read.") from None
    except (BadEnvelope, NotTrusted, IdentityError) as error:
        raise NotSigned(str(error), mend=error.mend) from None
    _check(statement, request, now)
    return SignedRequest(verified.person, verified.keyid, statement, envelope)


def _check(statement: Statement, request: Request, now: datetime) -> None:
    if abs(statement.at - now) > CLOCKS:
        raise NotSigned(
            f"This request is from {statement.at:%Y-%m-%d %H:%M:%S} and it is {now:%Y-%m-%d %H:%M:%S} UTC here.",
            mend="Set this machine's clock; a request counts for 5 minutes.",
        )
    said = (statement.service, statement.method, statement.path, statement.body)
    asked = (plain_url(request.service), request.method, request.path, hashlib.sha256(request.body).hexdigest())
    if said[0] != asked[0]:
        raise NotSigned(
            f"This request is signed for the service at {said[0]}; this one is at {asked[0]}.",
            mend="fleet.url names the service in the same way on both sides.",
        )
    if said != asked:
        raise NotSigned("This request was changed after it was signed.")
