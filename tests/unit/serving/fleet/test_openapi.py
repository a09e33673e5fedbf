"""Whatever its OpenAPI allows and whatever it does not: the service answers with a reason and never breaks."""

import json
from typing import Any, cast

import pytest
import requests
import schemathesis
import urllib3
from hypothesis import HealthCheck, Phase, given, settings

from fleet_service import Running
from slipway.serving.edge.fleet.signing import header
from slipway.serving.fleet.operators import signing

EXAMPLES = settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
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
