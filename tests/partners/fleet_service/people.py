"""People with keys of their own, and requests that they sign."""

import json
from datetime import UTC, datetime
from typing import Any

import urllib3
from securesystemslib.signer import CryptoSigner

from slipway.platform.identity import People, Person, PersonSigner, Role, TrustedKey
from slipway.serving.fleet.operators import signing

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def person(name: str, *roles: Role) -> PersonSigner:
    """Somebody with a new key."""
    signer = CryptoSigner.generate_ed25519()
    trusted = TrustedKey.of(signer.public_key, SINCE)
    return PersonSigner(Person(name=name, roles=roles, key=(trusted,)), trusted, signer)


def book_of(*signers: PersonSigner) -> People:
    """All of them are known."""
    return People(tuple(one.person for one in signers), "people.toml")


def send(
    url: str, signer: PersonSigner | None, method: str, path: str, body: Any = None, at: datetime | None = None
) -> tuple[int, Any]:
    """A request of a person: the code, and what came back."""
    data = b"" if body is None else json.dumps(body).encode()
    headers = {}
    if signer is not None:
        headers["Authorization"] = signing.header(signing.Request(url, method, path, data), signer, at)
    with urllib3.PoolManager() as pool:
        answer = pool.request(method, url + path, body=data or None, headers=headers, retries=False, redirect=False)
        return answer.status, json.loads(answer.data) if answer.data[:1] in b"{[" and answer.data else answer.data
