"""A page as an answer: for whoever has a session; whoever has none is told how to get one. What goes wrong is a page.

`install` makes that so for everything that a browser asks of the service, also where nothing is.
"""

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from slipway.platform.errors import SlipwayError
from slipway.platform.registry.desk import Refused
from slipway.serving.errors import SlipwayError as DeviceError
from slipway.serving.fleet.console.asking import NotThere
from slipway.serving.fleet.console.office import Office
from slipway.serving.fleet.console.rendering import page
from slipway.serving.fleet.operators.acting import Acting
from slipway.serving.fleet.service import refusing
from slipway.serving.fleet.service.context import service_of
from slipway.serving.fleet.service.people import SAFE, acting_of
from slipway.serving.fleet.service.refusing import Refusal

log = logging.getLogger(__name__)

KNOWN: Final = (SlipwayError, DeviceError, Refusal, SQLAlchemyError, RequestValidationError, HTTPException)
TITLES: Final = {
    401: "Not known",
    403: "Not yours to do",
    404: "Not found",
    405: "Not so",
    409: "Not done",
    422: "Not understood",
    429: "Too often",
    500: "Something broke",
    503: "Not now",
}
PLACES: Final = {
    "fleet": ("/fleet", "The fleet"),
    "devices": ("/fleet", "The fleet"),
    "ledger": ("/ledger", "The ledger"),
    "lineage": ("/lineage", "Lineage"),
    "notices": ("/notices", "Notices"),
}
BROKEN: Final = ("The service failed at this.", "Its log says why; what was asked before stands.")
Shown = Callable[[Office, Acting], Response]
Handler = Callable[[Request, Exception], Awaitable[Response]]


async def answer(request: Request, shown: Shown) -> Response:
    """What is shown; what goes wrong is a page, too."""
    acting = None
    try:
        acting = await acting_of(request)
        if acting is None:
            return page("unknown.html", 401, title="Console", acting=None)
        return await run_in_threadpool(shown, Office(service_of(request), request.app.state.console), acting)
    except KNOWN as error:
        return refused(request, error, acting)


def refused(request: Request, error: Exception, acting: Acting | None = None) -> Response:
    """What went wrong, what to do, and a way back."""
    code, told, mend = _told(error)
    title, back = TITLES.get(code, "Not done"), _back(request.url.path)
    made = page("refused.html", code, title=title, acting=acting, error=told, mend=mend, back=back)
    again = error.again_s if isinstance(error, Refusal) else None
    if again is not None or code == refusing.UNAVAILABLE:
        made.headers["Retry-After"] = str(math.ceil(again or refusing.AGAIN_S))
    return made


def _back(path: str) -> tuple[str, str]:
    """The page above, and what it is called."""
    place, _, below = path.removeprefix("/").partition("/")
    model, deeper, _ = below.partition("/")
    if place == "models" and deeper:
        return f"/models/{quote(model, safe='')}", model
    return PLACES.get(place, ("/", "All models"))


def install(app: FastAPI) -> None:
    """Answer a browser with pages, and all others as before."""
    for kind in KNOWN:
        before: Handler = app.exception_handlers[kind]  # type: ignore[assignment]
        app.add_exception_handler(kind, _handler(before))
    app.add_exception_handler(Exception, _broken)


def _handler(otherwise: Handler) -> Handler:
    async def handled(request: Request, error: Exception) -> Response:
        if not _by_browser(request):
            return await otherwise(request, error)
        by_session = request.method in SAFE and "authorization" not in request.headers
        try:
            acting = await acting_of(request) if by_session else None
        except KNOWN:
            acting = None
        return refused(request, error, acting)

    return handled


async def _broken(request: Request, error: Exception) -> Response:
    """What nobody has thought of; the server logs it. Nothing more is asked of what is broken."""
    return refused(request, error) if _by_browser(request) else refusing.said(500, *BROKEN)


def _by_browser(request: Request) -> bool:
    """Whether a person looks, by a page of the console or by what the browser says it wants."""
    endpoint = getattr(request.scope.get("endpoint"), "__module__", "")
    return endpoint.startswith(__package__ or "-") or "text/html" in request.headers.get("accept", "")


def _told(error: Exception) -> tuple[int, str, str]:
    """The code, what was wrong, and what to do."""
    if isinstance(error, NotThere):
        return 404, str(error), error.mend or ""
    if isinstance(error, Refused):
        return 409, str(error), error.mend or ""
    if isinstance(error, SlipwayError | DeviceError | Refusal):
        return refusing.told(error).status_code, str(error), error.mend or ""
    if isinstance(error, SQLAlchemyError):
        log.error("The fleet store failed: %s", error)
        return 503, "The fleet store cannot be reached.", "Try again in a minute."
    if isinstance(error, RequestValidationError):
        detail = error.errors()[0] if error.errors() else {}
        return 422, f"{'.'.join(map(str, detail.get('loc', ())))}: {detail.get('msg', 'wrong')}.", ""
    if isinstance(error, HTTPException):
        if error.status_code == 404:  # noqa: PLR2004 - nothing there
            return 404, "There is no such page.", ""
        return error.status_code, str(error.detail), ""
    return 500, *BROKEN
