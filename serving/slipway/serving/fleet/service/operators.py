"""What people ask of the fleet: devices, tokens, history; and what operators change. Every request is somebody's."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import AwareDatetime

from slipway.platform.identity import Role
from slipway.serving.channel.limits import MOST
from slipway.serving.fleet.operators.acting import Acting
from slipway.serving.fleet.service import answers
from slipway.serving.fleet.service.bodies import body_for, content
from slipway.serving.fleet.service.context import service_of
from slipway.serving.fleet.service.people import cached_body, needs, person_of
from slipway.serving.fleet.service.refusing import Refusal
from slipway.serving.fleet.store.enrolling import By
from slipway.serving.fleet.store.reading import Wanted
from slipway.serving.fleet.store.refusals import NotADevice

PAGE: Final = 500
"""Devices of one answer."""
FURTHEST_YEARS: Final = (1970, 9000)

router = APIRouter(tags=["fleet"])
Known = Annotated[Acting, Depends(person_of)]
Operator = Annotated[Acting, Depends(needs(Role.OPERATOR))]
Plain = Query(max_length=64, pattern=r"^[^\x00-\x1f]*$")
Answer = TypeVar("Answer")


async def ask(question: Callable[[], Answer]) -> Answer:
    """Ask the store, which may take a moment, beside what devices say."""
    return await run_in_threadpool(question)


def near(at: datetime | None) -> datetime | None:
    """A moment that the store can have."""
    if at is not None and not FURTHEST_YEARS[0] < at.year < FURTHEST_YEARS[1]:
        raise Refusal(422, f"Expected a moment between the years {FURTHEST_YEARS[0]} and {FURTHEST_YEARS[1]}.")
    return at


@router.get("/v1/devices")
async def devices(
    request: Request,
    _: Known,
    site: Annotated[str | None, Plain] = None,
    model: Annotated[str | None, Plain] = None,
    release: Annotated[int | None, Query(ge=1, le=MOST)] = None,
    search: Annotated[str, Plain] = "",
    after: Annotated[str, Plain] = "",
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> answers.Devices:
    """Devices that are not revoked, by id."""
    service, now = service_of(request), service_of(request).now()
    wanted = Wanted(site, model, release, search)

    def found() -> answers.Devices:
        filters = {"site": site, "model": model, "release": release, "search": search}
        rows = service.store.devices(**filters, after=after, limit=limit)  # type: ignore[arg-type]
        told = tuple(answers.Device.of(one, now, service.settings.silent_minutes) for one in rows)
        following = rows[-1].id if len(rows) == limit else None
        return answers.Devices(devices=told, total=service.store.count(wanted), after=following)

    return await ask(found)


@router.get("/v1/devices/{device}")
async def device(request: Request, _: Known, device: str) -> answers.Device:
    """One device, also one that was revoked."""
    service = service_of(request)
    name = _name(device)
    found = await ask(lambda: service.store.device(name))
    if found is None:
        raise NotADevice(name)
    return answers.Device.of(found, service.now(), service.settings.silent_minutes)


@router.post("/v1/devices/{device}/revoke", openapi_extra=body_for("Revoking"))
async def revoke(request: Request, acting: Operator, device: str) -> answers.Changed:
    """Believe a device nothing more."""
    service, name = service_of(request), _name(device)
    asked = content(answers.Revoking, await cached_body(request))
    by = By(acting.person.name, acting.grant)
    changed = await ask(lambda: service.store.revoke(name, asked.reason, by))
    request.app.state.keys.forget(name)
    return answers.Changed(changed=changed)


@router.get("/v1/history")
async def history(
    request: Request,
    _: Known,
    device: Annotated[str | None, Plain] = None,
    at: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> answers.History:
    """What ran where, ever or at a moment, and who changed what."""
    store, when = service_of(request).store, near(at)

    def found() -> answers.History:
        ran = tuple(answers.Ran.of(one) for one in store.spans(device, at=when, limit=limit))
        done = () if when is not None else tuple(answers.Change.of(one) for one in store.audit(device, limit=limit))
        return answers.History(ran=ran, changes=done)

    return await ask(found)


@router.get("/v1/tokens")
async def tokens(request: Request, _: Operator) -> answers.OpenTokens:
    """Tokens that could be used."""
    found = await ask(service_of(request).store.tokens)
    return answers.OpenTokens(tokens=tuple(answers.OpenToken.of(one) for one in found))


@router.post("/v1/tokens", openapi_extra=body_for("Tokens"))
async def make_tokens(request: Request, acting: Operator) -> answers.Count:
    """Have tokens known; what opens them stays with who made them."""
    service = service_of(request)
    asked = content(answers.Tokens, await cached_body(request))
    for number, one in enumerate(asked.tokens, start=1):
        if near(one.until) is None or one.until <= service.now():
            raise Refusal(422, f"Token {number} would be over: it counts until {one.until}.")
    by = By(acting.person.name, acting.grant)
    made = [one.token() for one in asked.tokens]
    await ask(lambda: service.store.make_tokens(asked.root, made, by))
    return answers.Count(new=len(made))


@router.post("/v1/tokens/withdraw", openapi_extra=body_for("Withdrawing"))
async def withdraw(request: Request, acting: Operator) -> answers.Withdrawn:
    """Let tokens that nobody has used open nothing any more."""
    service = service_of(request)
    asked = content(answers.Withdrawing, await cached_body(request))
    by = By(acting.person.name, acting.grant)
    return answers.Withdrawn(withdrawn=await ask(lambda: service.store.withdraw(asked.tokens, asked.reason, by)))


def _name(device: str) -> str:
    if len(device) > 64 or "\0" in device:  # noqa: PLR2004 - the longest id
        raise NotADevice(device[:64].replace("\0", ""))
    return device
