"""A browser with a session open: what pages of other origins and other names can do with it, which is nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import pytest
import urllib3
from fastapi import Depends, FastAPI

from fleet_service import Running, running
from slipway.platform.identity import Role
from slipway.serving.fleet.operators import signing
from slipway.serving.fleet.operators.acting import Acting
from slipway.serving.fleet.service.people import needs


def _pages(app: FastAPI) -> None:
    """As the console's forms are."""

    @app.post("/models/{model}/pause")
    @app.post("/models/{model}/undo")
    async def change(acting: Annotated[Acting, Depends(needs(Role.OPERATOR))]) -> dict[str, str]:
        return {"by": acting.person.name}


@pytest.fixture
def paged(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, _pages) as found:
        yield found


def _cookie(fleet: Running) -> str:
    opening = fleet.send(fleet.operator, "POST", "/v1/sessions")[1]["address"]
    return urllib3.request("GET", opening, redirect=False).headers["set-cookie"].partition(";")[0]


def _port(fleet: Running) -> int:
    return urlsplit(fleet.url).port or 0


def _ask(fleet: Running, method: str, path: str, **headers: str) -> int:
    return urllib3.request(method, fleet.url + path, headers=headers, redirect=False, retries=False).status


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "http://evil.example",
        "http://evil.example:{port}",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "http://127.0.0.1:{port}@evil.example",
        "http://[::1",
        "http://127.0.0.1:99999999",
    ],
)
def test_a_page_of_another_origin_changes_nothing(paged: Running, origin: str) -> None:
    cookie, port = _cookie(paged), _port(paged)
    headers = {"Cookie": cookie} | ({"Origin": origin.format(port=port)} if origin else {})
    for path in ("/models/parcel/pause", "/models/parcel/undo", "/v1/tokens", "/v1/devices/gate-1/revoke"):
        assert _ask(paged, "POST", path, **headers) == 403
    assert _ask(paged, "DELETE", "/v1/sessions", **headers) == 403
    assert _ask(paged, "POST", "/models/parcel/undo", **(headers | {"Origin": paged.url})) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "[::1", "a b.c"]
)
def test_a_name_that_somebody_else_owns_leads_nowhere(paged: Running, host: str) -> None:
    told, cookie = host.format(port=_port(paged)), _cookie(paged)
    for path in ("/metrics", "/healthz", "/openapi.json", "/v1/devices", "/"):
        assert _ask(paged, "GET", path, Host=told, Cookie=cookie) in (400, 421)
    rebound = {"Host": told, "Cookie": cookie, "Origin": f"http://{told}"}
    assert _ask(paged, "POST", "/models/parcel/undo", **rebound) in (400, 421)


def test_numbers_own_names_and_what_is_signed_get_through(paged: Running) -> None:
    port = _port(paged)
    for host in (f"127.0.0.1:{port}", "10.2.3.4", f"[::1]:{port}", f"localhost:{port}", "fleet"):
        assert _ask(paged, "GET", "/healthz", Host=host) == 200
    proof = signing.header(signing.Request(paged.url, "GET", "/v1/devices", b""), paged.reader)
    assert _ask(paged, "GET", "/v1/devices", Host="fleet.inside.example", Authorization=proof) == 200


def test_a_cookie_is_nothing_without_its_browser(paged: Running) -> None:
    cookie = _cookie(paged)
    name, _, value = cookie.partition("=")
    for wrong in (f"{name}=", f"{name}={value[:-1]}", f"{name}={value}x", f"{name}={'x' * 4000}", f"other={value}"):
        assert _ask(paged, "GET", "/v1/devices", Cookie=wrong) == 401
    assert _ask(paged, "GET", f"/session/{value}") == 401
    assert _ask(paged, "GET", "/v1/devices", Cookie=cookie) == 200
