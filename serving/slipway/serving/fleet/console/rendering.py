"""Pages out of templates: everything that comes from outside is escaped, and nothing is asked from elsewhere."""

import secrets
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from fastapi import Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from slipway.platform.ledger.describing import about, by, moment, plain
from slipway.serving.fleet.wording import seconds_ago
from slipway.serving.release import wording

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
KINDS: Final = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@cache
def templates() -> Environment:
    """All of them."""
    found = Environment(
        loader=PackageLoader("slipway.serving.fleet.console"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.filters |= {"moment": moment, "plain": plain, "by": by, "about": about}
    found.globals |= {"wave": wording.wave, "named": wording.named, "ago": ago}
    return found


def page(name: str, code: int = 200, **content: Any) -> Response:  # noqa: ANN401 - what a template shows
    """A page."""
    text = templates().get_template(name).render(request=secrets.token_hex(16), **content)
    return HTMLResponse(text, code, headers=HEADERS)


def static(name: str) -> Response | None:
    """A file that pages need."""
    if name not in KINDS:
        return None
    data = resources.files(__package__).joinpath("static", name).read_bytes()
    return Response(data, media_type=KINDS[name], headers={**HEADERS, "Cache-Control": "no-cache"})


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, in one unit."""
    if at is None:
        return "never"
    return seconds_ago(max(0, (now - at).total_seconds()))
