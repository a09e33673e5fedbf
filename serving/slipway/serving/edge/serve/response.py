"""What goes back: a status, headers and a body, as bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from slipway.serving.edge.serve.refusals import Refused

JSON: Final = "application/json"
TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
JOINED: Final = 64 * 1024
"""Bytes of a body up to which one write of head and body together is cheaper than two."""
_LINES: Final = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n" for one in HTTPStatus}

Body = bytes | memoryview


@dataclass(frozen=True)
class Response:
    """One answer."""

    status: int
    body: Body = b""
    kind: str = JSON
    headers: str = ""
    """Whole lines, besides those that every answer has."""
    model: str | None = None
    """Who was asked; None where it did not come to that."""

    def parts(self, *, keep: bool, bodiless: bool = False) -> list[Body]:
        """What is written, piece by piece."""
        close = "" if keep else "Connection: close\r\n"
        head = (
            f"{_LINES[self.status]}Content-Type: {self.kind}\r\nContent-Length: {len(self.body)}\r\n"
            f"{self.headers}{close}\r\n"
        ).encode("latin-1")
        if bodiless or not self.body:
            return [head]
        return [head + self.body] if len(self.body) <= JOINED else [head, self.body]


def header_lines(headers: Mapping[str, str]) -> str:
    """As they are written."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def told(status: int, value: Any) -> Response:  # noqa: ANN401 - whatever JSON takes
    """JSON."""
    return Response(status, json.dumps(value, separators=(",", ":")).encode() + b"\n")


def refused(error: Refused) -> Response:
    """What is wrong, and what to do."""
    body = json.dumps({"error": str(error), "mend": error.mend, **error.more}).encode() + b"\n"
    return Response(error.status, body, headers=header_lines(error.headers), model=error.model)
