"""The head of a request: read by httptools as its bytes come, bounded, and nothing of the body with it.

The parser sees exactly the bytes up to the empty line. So it never reads a body, and a body of any size can be received
where it will be used. Bodies need a Content-Length: whoever cannot say how much comes is not waited for.
"""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import httptools

from slipway.serving.edge.serve.refusals import Refused

LARGEST: Final = 16 * 1024
"""Bytes of a head."""
MOST: Final = 64
"""Headers."""
_END: Final = b"\r\n\r\n"


@dataclass(frozen=True)
class Head:
    """What a request says before its body."""

    method: str
    path: str
    headers: dict[str, str]
    """By their names in lower case; one that came twice is joined by a comma."""
    keep: bool
    """Whether the connection is used again."""
    length: int
    """Of the body."""

    @property
    def waits(self) -> bool:
        """Whether the caller sends the body only when it is told to."""
        return self.headers.get("expect", "").lower() == "100-continue"


class HeadReader:
    """Reads one head, from however many pieces."""

    def __init__(self) -> None:
        self._parser: Any = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[str, str] = {}
        self._size = self._count = 0
        self._tail = b""
        self._complete = self._keep = False

    def take(self, data: bytes) -> int:
        """Read on; how many of the bytes belong to the head, or to empty lines before it."""
        joined = self._tail + data
        end = joined.find(_END)
        used = len(data) if end < 0 else end + len(_END) - len(self._tail)
        self._tail = joined[-len(_END) + 1 :] if end < 0 else b""
        self._size += used
        if self._size > LARGEST:
            raise Refused(431, f"The request's head is longer than {LARGEST:,} bytes.", mend="Send fewer headers.")
        try:
            self._parser.feed_data(data[:used])
        except httptools.HttpParserUpgrade:
            pass  # another protocol was offered and is not taken up
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError as error:
            raise Refused(400, f"This is no HTTP/1.1: {error}.", mend="Use HTTP/1.1, without TLS.") from None
        return used

    def head(self) -> Head | None:
        """The head; None while it is not complete."""
        if not self._complete:
            return None
        headers = self._headers
        if "transfer-encoding" in headers:
            raise Refused(411, "The body has no Content-Length.", mend="Send the body whole, with its length.")
        version = self._parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            raise Refused(505, f"HTTP/{version} is not spoken here.", mend="Use HTTP/1.1.")
        if version == "1.1" and "host" not in headers:
            raise Refused(400, "The request has no Host header.", mend="HTTP/1.1 asks for one.")
        return Head(
            method=self._parser.get_method().decode("ascii"),
            path=_path(self._url),
            headers=headers,
            keep=self._keep,
            length=int(headers.get("content-length", "0")),
        )

    def on_url(self, url: bytes) -> None:
        """A part of the address, from the parser."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, from the parser."""
        self._count += 1
        if self._count > MOST:
            raise Refused(431, f"The request has more than {MOST} headers.", mend="Send fewer headers.")
        key, text = name.decode("ascii").lower(), value.decode("latin-1")
        before = self._headers.get(key)
        self._headers[key] = text if before is None else f"{before}, {text}"

    def on_headers_complete(self) -> None:
        """The empty line has come, says the parser."""
        self._complete, self._keep = True, self._parser.should_keep_alive()


def _path(url: bytes) -> str:
    """Without host and query."""
    if not url.startswith(b"/"):
        try:
            url = httptools.parse_url(url).path or b"/"
        except httptools.HttpParserInvalidURLError:
            raise Refused(400, "The request's address is no path.", mend="Ask for one such as /v1/models.") from None
    return unquote(url.partition(b"?")[0].decode("ascii", "replace"))
