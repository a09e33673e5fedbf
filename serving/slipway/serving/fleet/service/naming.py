"""Under which name the service is asked, and which pages are its own.

Whoever owns a name can let it lead to this machine (DNS rebinding): a browser then takes the service for a part of
their page and lets that page read it. What a person or a device has signed says for whom it is. All other requests must
come under the name in `fleet.url`, under a number, or under a name without a dot, which nobody outside can own.
"""

import ipaddress
from contextlib import suppress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from slipway.serving.fleet.service.refusing import said

MISDIRECTED: Final = 421
PORTS: Final = {"http": 80, "https": 443}


class Named:
    """Refuses what comes under the name of somebody else. Plain ASGI."""

    def __init__(self, app: ASGIApp, url: str) -> None:
        self._app, self._name = app, urlsplit(url).hostname

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._counts(scope["headers"]):
            answer = said(
                MISDIRECTED,
                "This service is not known by the name that it was asked under.",
                "fleet.url says how it is found; a proxy passes `Host` on.",
            )
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _counts(self, headers: list[tuple[bytes, bytes]]) -> bool:
        found = [value.decode("latin-1") for name, value in headers if name == b"host"]
        signed = any(name == b"authorization" for name, _ in headers)
        return signed or (len(found) < 2 and all(map(self._ours, found)))  # noqa: PLR2004 - one, or an old client's none

    def _ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name == self._name or "." not in name.rstrip(".") or _is_number(name)


def _is_number(name: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    return False


def same_origin(origin: str, url: str) -> bool:
    """Whether a page is of the service at this address."""
    try:
        return _origin(urlsplit(origin)) == _origin(urlsplit(url))
    except ValueError:
        return False


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or PORTS.get(url.scheme)
