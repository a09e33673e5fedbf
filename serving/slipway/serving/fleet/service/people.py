"""Who asks: what the routes of people and the console's pages depend on.

    acting: Annotated[Acting, Depends(person_of)]            somebody known
    acting: Annotated[Acting, Depends(needs(Role.ON_CALL))]  somebody known with one of these roles

Either the request is signed, or it comes with the cookie of a session. A browser sends a cookie with whatever any page
asks for; so what changes something must come from a page of the service itself, which the browser says (`Origin`).
"""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from slipway.platform.identity import Role
from slipway.serving.fleet.operators import signing
from slipway.serving.fleet.operators.acting import Acting, check_roles
from slipway.serving.fleet.operators.sessions import COOKIE
from slipway.serving.fleet.operators.signing import CLOCKS, NotSigned, SignedRequest
from slipway.serving.fleet.service.bodies import OF_PEOPLE, body_of
from slipway.serving.fleet.service.context import Service, service_of
from slipway.serving.fleet.service.naming import same_origin
from slipway.serving.fleet.service.refusing import Refusal

SAFE: Final = frozenset({"GET", "HEAD"})


async def acting_of(request: Request) -> Acting | None:
    """Who asks; None where nobody says so. What is said wrongly is refused."""
    service = service_of(request)
    if "authorization" in request.headers:
        signed = await signed_by(request)
        return Acting(signed.person, signed.keyid, signed.envelope)
    cookie = request.cookies.get(COOKIE)
    acting = await run_in_threadpool(service.sessions.acting, cookie) if cookie else None
    if acting is not None and request.method not in SAFE:
        _check_origin(request, service)
    return acting


async def person_of(request: Request) -> Acting:
    """Somebody who is known; all others are refused."""
    acting = await acting_of(request)
    if acting is None:
        _count(request, service_of(request))
        raise NotSigned(
            "Only people of the people file may ask this.",
            mend="Commands sign for you; `slipway fleet console` opens the pages.",
        )
    return acting


def needs(*roles: Role) -> Callable[[Request], Awaitable[Acting]]:
    """Somebody who holds one of these roles now."""

    async def dependency(request: Request) -> Acting:
        acting = await person_of(request)
        check_roles(acting, roles)
        return acting

    return dependency


async def signed_by(request: Request) -> SignedRequest:
    """Whoever signed this very request, which counts once."""
    service = service_of(request)
    body = await cached_body(request)
    question = request.scope["query_string"].decode("latin-1")
    path = f"{asked_path(request)}?{question}" if question else asked_path(request)
    asked = signing.Request(service.url, request.method, path, body)
    value = request.headers.get("authorization", "")

    def known() -> SignedRequest:
        signed = signing.read(value, asked, service.people(), service.now())
        service.store.use_nonce(signed.statement.nonce, service.now() + 2 * CLOCKS)
        return signed

    try:
        return await run_in_threadpool(known)
    except NotSigned:
        _count(request, service)
        raise


async def cached_body(request: Request) -> bytes:
    """The body, which is read once."""
    if not hasattr(request.state, "body"):
        request.state.body = await body_of(request, OF_PEOPLE)
    found: bytes = request.state.body
    return found


def asked_path(request: Request) -> str:
    """The path as it was sent, which is what was signed: decoded, two paths could look the same."""
    path: bytes = request.scope["raw_path"]
    return path.decode("latin-1")


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else "unknown"


def _count(request: Request, service: Service) -> None:
    """Whoever proves nothing shares the bucket of the address."""
    waits = service.limits.ask(f"address {address_of(request)}")
    if waits is not None:
        raise Refusal(429, "Too many requests from this address prove nobody.", again_s=waits)


def _check_origin(request: Request, service: Service) -> None:
    """What a session changes is asked for by a page of this service."""
    if not same_origin(request.headers.get("origin", ""), service.url):
        raise Refusal(
            403,
            "This was asked for by another page than one of this service.",
            mend="`slipway fleet console` opens its pages where fleet.url says.",
        )
