"""Whatever its OpenAPI allows and whatever it does not: the service answers with a reason and never breaks."""

import json
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest
import requests
import schemathesis
import urllib3
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from console_world import World, console_world
from fleet_service import Running
from rolling_out import MODEL
from slipway.platform.settings import schema
from slipway.serving.edge.fleet.signing import header
from slipway.serving.fleet.console.pages import console
from slipway.serving.fleet.operators import signing
from slipway.serving.fleet.operators.acting import KnownPeople
from slipway.serving.fleet.service.app import create_app
from slipway.serving.fleet.service.context import Service

EXAMPLES = settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
FORMS = st.dictionaries(
    st.sampled_from(("release", "reason", "request", "until", "x")),
    st.sampled_from(("", "2", "\0", "-1", "9" * 30)) | st.text(max_size=9),
)
QUIET = frozenset({"/v1/devices/{device}/reports", "/v1/enrol"})


@pytest.mark.timeout(110)
@pytest.mark.filterwarnings("ignore")
def test_no_question_breaks_it(fleet: Running) -> None:
    fleet.service.limits._most = fleet.service.limits._rate = 1e9
    gate = fleet.device("gate-1")
    with urllib3.PoolManager() as pool:
        described = json.loads(pool.request("GET", f"{fleet.url}/openapi.json").data)
        schema = schemathesis.openapi.from_dict(described)
        asked = set()
        for result in schema.get_all_operations():
            operation: Any = cast("Any", result).ok()

            @EXAMPLES
            @given(case=operation.as_strategy())
            def ask(case: Any) -> None:
                wire = case.as_transport_kwargs(base_url=fleet.url)
                prepared = requests.Request(**wire).prepare()
                told: Any = prepared.body or b""
                body: bytes = told.encode() if isinstance(told, str) else told
                path = prepared.path_url
                if case.operation.path in QUIET:
                    gate.sequence += 1
                    plain = path.partition("?")[0]
                    proof = header(case.method.upper(), plain, "gate-1", gate.sequence, body, gate.key.sign)
                else:
                    proof = signing.header(signing.Request(fleet.url, case.method.upper(), path, body), fleet.operator)
                answer = pool.request(
                    case.method.upper(),
                    fleet.url + path,
                    body=body or None,
                    headers={"Authorization": proof, "Content-Type": "application/json"},
                    redirect=False,
                )
                asked.add((case.operation.path, answer.status))
                assert answer.status < 500, (case.operation.path, answer.status, body[:200])

            ask()
        assert {path for path, _ in asked} == set(described["paths"])
        assert {code for _, code in asked} >= {200, 401, 422}
        assert pool.request("GET", f"{fleet.url}/readyz").status == 200


@pytest.mark.timeout(110)
@pytest.mark.filterwarnings("ignore")
def test_no_question_breaks_a_page(tmp_path: Path) -> None:
    with console_world(tmp_path) as world, urllib3.PoolManager() as pool:
        world.devices(3, 2)
        asked = set()
        held = {"Cookie": world.browser("cleo").cookie, "Origin": world.url}
        described = _pages(world)
        for result in schemathesis.openapi.from_dict(described).get_all_operations():
            operation: Any = cast("Any", result).ok()

            @EXAMPLES
            @given(case=operation.as_strategy(), form=FORMS, real=st.booleans())
            def ask(case: Any, form: dict[str, str], real: bool) -> None:
                if real and "model" in (case.path_parameters or {}):
                    case.path_parameters["model"] = MODEL
                path = requests.Request(**case.as_transport_kwargs(base_url=world.url)).prepare().path_url
                body = urlencode(form) if case.method.upper() == "POST" else None
                answer = pool.request(
                    case.method.upper(), world.url + path, body=body, headers=held, redirect=False, retries=False
                )
                asked.add((case.operation.path, answer.status))
                assert answer.status < 500, (case.operation.path, path, answer.status, form)

            ask()
        assert {path for path, _ in asked} == set(described["paths"])
        assert {code for _, code in asked} >= {200, 404, 422}


def _pages(world: World) -> dict[str, Any]:
    """Pages are in no OpenAPI, as nothing but browsers asks for them; here they are described like all others."""
    people = KnownPeople(world.site.root / "none")
    service = Service(world.store, people, "", schema.Fleet(url=world.url), loaded=world.site.desk("rollouts").loaded)
    hidden = [one for one in create_app(service, console).routes if isinstance(one, APIRoute)]
    pages = [one for one in hidden if not one.include_in_schema]
    for one in pages:
        one.include_in_schema = True
    return get_openapi(title="Console", version="1", routes=pages)
