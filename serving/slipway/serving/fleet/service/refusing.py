"""Saying no: every refusal is `wire.Said`, with a code that tells a device what to do."""

import logging
import math
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from slipway.platform.errors import SlipwayError
from slipway.serving.channel.limits import MOST
from slipway.serving.edge.fleet.wire import Said
from slipway.serving.errors import SlipwayError as DeviceError
from slipway.serving.fleet.operators.acting import RoleMissing
from slipway.serving.fleet.operators.signing import NotSigned
from slipway.serving.fleet.store.refusals import (
    Conflicting,
    KnownOtherwise,
    NotADevice,
    NotAToken,
    Replayed,
    Revoked,
    StoreRefuses,
    TokenRefused,
)
from slipway.serving.fleet.store.writer import StoreClosed

log = logging.getLogger(__name__)

CODES: Final[dict[type[Exception], int]] = {
    NotSigned: 401,
    RoleMissing: 403,
    NotADevice: 404,
    NotAToken: 404,
    KnownOtherwise: 403,
    Revoked: 403,
    TokenRefused: 403,
    Replayed: 409,
    Conflicting: 409,
    StoreRefuses: 422,
    StoreClosed: 503,
}
LONGEST: Final = 400
AGAIN_S: Final = 30
"""When to ask again where the store takes nothing."""
JSON: Final = "application/json"
UNAVAILABLE: Final = 503


class Refusal(Exception):
    """A request is refused."""

    def __init__(self, code: int, error: str, *, mend: str = "", again_s: float | None = None) -> None:
        super().__init__(error)
        self.code, self.mend, self.again_s = code, mend, again_s


def said(code: int, error: str, mend: str | None = None, sequence: int | None = None) -> Response:
    """The answer."""
    told = Said(error=error[:LONGEST] or "Refused.", mend=(mend or "")[:LONGEST], sequence=sequence)
    return Response(told.model_dump_json(exclude_none=True), code, media_type=JSON)


def told(error: Exception) -> Response:
    """What an error says to whoever asked."""
    if isinstance(error, Refusal):
        answer = said(error.code, str(error), error.mend)
        if error.again_s is not None:
            answer.headers["Retry-After"] = str(math.ceil(error.again_s))
        return answer
    code = next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), 422)
    sequence = min(error.sequence, MOST) if isinstance(error, Replayed) else None
    mend = error.mend if isinstance(error, SlipwayError | DeviceError) else None
    answer = said(code, str(error), mend, sequence)
    if code == UNAVAILABLE:
        answer.headers["Retry-After"] = str(AGAIN_S)
    return answer


def install(app: FastAPI) -> None:
    """Answer every error so."""

    async def known(_: Request, error: Exception) -> Response:
        return told(error)

    async def broken(_: Request, error: Exception) -> Response:
        log.error(
            "The fleet store failed: %s", getattr(error, "orig", None) or error
        )  # what was told stays out of logs
        answer = said(UNAVAILABLE, "The fleet store cannot be reached.", "Try again in a minute.")
        answer.headers["Retry-After"] = str(AGAIN_S)
        return answer

    async def wrong(_: Request, error: Exception) -> Response:
        detail = error.errors()[0] if isinstance(error, RequestValidationError) and error.errors() else {}
        where = ".".join(str(part) for part in detail.get("loc", ()))
        return said(422, f"{where}: {detail.get('msg', 'wrong')}."[:LONGEST])

    async def http(_: Request, error: Exception) -> Response:
        code = error.status_code if isinstance(error, HTTPException) else 400
        answer = said(code, str(error.detail) if isinstance(error, HTTPException) else "Wrong.")
        if isinstance(error, HTTPException):
            answer.headers.update(error.headers or {})
        return answer

    for kind in (Refusal, SlipwayError, DeviceError):
        app.add_exception_handler(kind, known)
    app.add_exception_handler(SQLAlchemyError, broken)
    app.add_exception_handler(RequestValidationError, wrong)
    app.add_exception_handler(HTTPException, http)
