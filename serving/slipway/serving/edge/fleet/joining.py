"""Becoming a device of a fleet: a one-time token and a key that never leaves against where the channel is.

The key is on disk before anybody is asked, and the service gives the same answer to the same token and key. So an
answer that was lost, or a process that was killed at any place, is mended by doing the same again. Of what the network
says of the channel's keys nothing is believed but what has the sha256 in the token, which a person handed over.
"""

import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from slipway.serving.bundle.canonical import sha256
from slipway.serving.bundle.contract import Part
from slipway.serving.channel.limits import MOST
from slipway.serving.edge.configuration import KEY, Home
from slipway.serving.edge.enrolment import Wanted, check_wanted, default_id, who_before
from slipway.serving.edge.fleet.book import Book
from slipway.serving.edge.fleet.calling import Answer, NotReached, Service
from slipway.serving.edge.fleet.signing import header
from slipway.serving.edge.fleet.wire import ENROL, TOKEN, Enrolled, Enrolling
from slipway.serving.edge.salvaging import public_half
from slipway.serving.errors import SlipwayError, WrongUse

OK, CONFLICT = 200, 409
TRIES: Final = 3
"""Of numbers for the request, each of which the service has told."""

AnyPart = TypeVar("AnyPart", bound=Part)


@dataclass(frozen=True)
class Joined:
    """What the service answered, and the number of the request."""

    enrolled: Enrolled
    sequence: int


def signer_of(home: Home, *, make: bool) -> CryptoSigner:
    """The device's key; `make` one, and write it, where there is none yet. The folder must be held by the caller."""
    if home.key.exists() or home.key.is_symlink() or not make:
        try:
            public_half(home.key)
            return CryptoSigner.from_priv_key_uri(f"file2:{home.key}", _public(home))
        except (OSError, ValueError, TypeError) as error:
            raise SlipwayError(
                f"{home.key} is no key of a device: {error}",
                mend="Bring it back, or remove it: then this becomes another device, with another token.",
            ) from None
    signer = CryptoSigner.generate_ed25519()
    home.write(KEY, signer.private_bytes)
    return signer


def public_of(signer: CryptoSigner) -> str:
    """The public half, in hexadecimal."""
    return str(signer.public_key.keyval["public"])


def signing_with(signer: CryptoSigner) -> Callable[[bytes], bytes]:
    """What signs a device's requests."""

    def sign(data: bytes) -> bytes:
        return bytes.fromhex(signer.sign(data).signature)

    return sign


def check_token(token: str) -> str:
    """The sha256 of the root that the token speaks of."""
    found = TOKEN.fullmatch(token.strip())
    if found is None:
        raise WrongUse(
            "--token is no token: expected sw1-, 64 digits from 0 to 9 and a to f, `-`, and 32 letters and digits.",
            mend="Copy it whole, as `slipway fleet enrol` printed it.",
        )
    return found["root"]


def ask_to_join(
    home: Home,
    service: Service,
    token: str,
    *,
    device_class: str,
    name: str | None,
    more: Mapping[str, Any],
    again: bool,
    now: datetime,
) -> tuple[Wanted, bytes, CryptoSigner]:
    """What the service says that this machine is: what to write, the root, and the key."""
    before = who_before(home, again=again)
    signer = signer_of(home, make=True)
    name = (before.id if before else None) or name or default_id(socket.gethostname(), public_of(signer))
    known = Wanted(channel="", device_class=device_class, models=("unnamed",), id=name)
    check_wanted(replace(known, channel=service.address), now)
    book = Book(home)
    joined = join(service, signer, token, name, device_class, after=book.highest())
    book.used(joined.sequence)
    told = joined.enrolled
    wanted = replace(
        known,
        channel=told.channel.rstrip("/"),
        models=told.models,
        cohorts=told.cohorts,
        more={**more, "site": told.site, "fleet": service.address},
    )
    return wanted, told.root, signer


def join(service: Service, signer: CryptoSigner, token: str, name: str, device_class: str, after: int = 0) -> Joined:
    """Ask to become the device; `after` is the highest number that it knows of its requests."""
    root = check_token(token)
    asked = Enrolling(
        token=token.strip(),
        id=name,
        device_class=device_class,
        public_key=public_of(signer),
        agent=version("slipway-serving"),
    )
    body, signed = asked.model_dump_json().encode(), signing_with(signer)
    sequence, tries = after + 1, 1
    while True:
        answer = service.post(ENROL, body, header("POST", ENROL, name, sequence, body, signed))
        said = answer.said if answer.status == CONFLICT else None
        if tries == TRIES or said is None or said.sequence is None or not sequence <= said.sequence < MOST:
            return Joined(_checked(service, answer, name, root), sequence)
        sequence, tries = said.sequence + 1, tries + 1


def read_answer(kind: type[AnyPart], service: Service, answer: Answer) -> AnyPart:
    """What was answered; `NotReached` where that is something else."""
    try:
        return kind.model_validate_json(answer.body)
    except (ValidationError, RecursionError):
        raise NotReached(
            f"{service.address} answered something that no fleet service says.", mend="Look at the address."
        ) from None


def refusal(service: Service, answer: Answer) -> str:
    """Why the service refused, in a line."""
    said = answer.said
    if said is None:
        return f"{service.address} answered with status {answer.status}."
    return f"{service.address}: {said.error}"


def _checked(service: Service, answer: Answer, name: str, root: str) -> Enrolled:
    if answer.status != OK:
        mend = (said.mend if (said := answer.said) is not None else "") or "Look at the address of the fleet service."
        raise SlipwayError(refusal(service, answer), mend=mend)
    enrolled = read_answer(Enrolled, service, answer)
    if enrolled.id != name:
        raise SlipwayError(f"{service.address} answered for the device {enrolled.id}, expected {name}.")
    if (found := sha256(enrolled.root)) != root:
        raise SlipwayError(
            f"The root metadata from {service.address} has the sha256 {found}, expected {root}, which the token says.",
            mend="Ask whoever gave the token: either it or the service is not of this channel.",
        )
    if not re.match(r"https?://|/", enrolled.channel):
        raise SlipwayError(f"{service.address} names the channel `{enrolled.channel[:100]}`, which is no full address.")
    return enrolled


def _public(home: Home) -> SSlibKey:
    return SSlibKey("own", "ed25519", "ed25519", {"public": public_half(home.key)})
