"""Bodies of requests: read in pieces, no further than allowed, and in bounded time."""

import asyncio
from typing import Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from slipway.serving.fleet.service.refusing import JSON, Refusal

PATIENCE_S: Final = 30.0
OF_PEOPLE: Final = 4 * 1024 * 1024
"""Bytes of what a person sends; ten thousand tokens take more than half."""
Content = TypeVar("Content", bound=BaseModel)


async def body_of(request: Request, largest: int) -> bytes:
    """The whole; 413 where there is more."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "A body that is packed is not read.", mend="Send it without Content-Encoding.")
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > largest:
        raise _too_large(largest)
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for piece in request.stream():
                size += len(piece)
                if size > largest:
                    raise _too_large(largest)
                pieces.append(piece)
    except TimeoutError:
        raise Refusal(408, f"The body did not come within {PATIENCE_S:.0f} s.") from None
    except ClientDisconnect:  # nobody hears this, but it is counted
        raise Refusal(400, "The connection ended before the body did.") from None
    return b"".join(pieces)


def content(model: type[Content], body: bytes) -> Content:
    """What a body says; JSON that is nested deeper than anything we know is refused as well."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in detail["loc"])[:100] or "the body"
        raise Refusal(422, f"{where}: {detail['msg'][:200]}.") from None


def body_for(model: str) -> dict[str, object]:
    """What a body is, for OpenAPI, where a route reads it by hand."""
    return {"requestBody": {"required": True, "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{model}"}}}}}


def _too_large(largest: int) -> Refusal:
    return Refusal(413, f"The body is too large; at most {largest} bytes are read.", mend="Send it in parts.")
