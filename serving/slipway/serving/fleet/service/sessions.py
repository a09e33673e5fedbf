"""Sessions at the console: a signed request gives a one-time address, which gives the browser its cookie."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from slipway.serving.fleet.operators.acting import Acting
from slipway.serving.fleet.operators.sessions import COOKIE, LASTS, OPENS
from slipway.serving.fleet.service import answers
from slipway.serving.fleet.service.context import Service, service_of
from slipway.serving.fleet.service.people import person_of, signed_by
from slipway.serving.fleet.service.refusing import Refusal

OPEN: Final = "/session/{secret}"
HOME: Final = "/"

router = APIRouter(tags=["sessions"])


@router.post("/v1/sessions")
async def begin(request: Request) -> answers.Opening:
    """Begin a session: the address counts once and soon."""
    service = service_of(request)
    signed = await signed_by(request)
    secret = await run_in_threadpool(service.sessions.begin, signed)
    place = OPEN.format(secret=secret)
    return answers.Opening(address=f"{service.url.rstrip('/')}{place}", seconds=int(OPENS.total_seconds()))


@router.get(OPEN, response_class=RedirectResponse, status_code=303)
async def open_session(request: Request, secret: str) -> Response:
    """Open it: the browser gets its cookie."""
    service = service_of(request)
    opened = await run_in_threadpool(service.sessions.open, secret[:128])
    if opened is None:
        raise Refusal(401, "This address was used or is over.", mend="`slipway fleet console` makes a new one.")
    answer = RedirectResponse(HOME, 303)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    _give(answer, service, opened[0])
    return answer


@router.delete("/v1/sessions")
async def end(request: Request, acting: Annotated[Acting, Depends(person_of)]) -> answers.Changed:
    """End it."""
    await run_in_threadpool(service_of(request).sessions.end, acting)
    return answers.Changed(changed=acting.session is not None)


def _give(answer: Response, service: Service, cookie: str) -> None:
    secure = service.url.startswith("https:")
    answer.set_cookie(
        COOKIE, cookie, max_age=int(LASTS.total_seconds()), httponly=True, samesite="strict", secure=secure
    )
