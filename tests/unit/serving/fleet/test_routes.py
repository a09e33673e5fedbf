"""Every route, as the service describes them itself: nobody gets in unproved, nobody with another's proof."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import urllib3

from fleet_service import FieldDevice, Running
from slipway.serving.edge.fleet import wire
from slipway.serving.edge.fleet.signing import header

OPEN: Final = {"/healthz", "/readyz", "/metrics", "/session/{secret}"}
"""Of these anybody may ask; the last has a secret in it that counts once."""
ENROLLING: Final = json.dumps(
    {
        "token": f"sw1-{'0' * 64}-{'0' * 32}",
        "id": "gate-9",
        "device_class": "edge-cpu",
        "public_key": "0" * 64,
        "agent": "0.1.0",
    }
).encode()
REPORTS: Final = "/v1/devices/{device}/reports"


class Attack:
    """A route of devices, a device that may ask it, another one, and somebody with no right to either."""

    def __init__(self, fleet: Running, route: str) -> None:
        self.fleet, self.route = fleet, route
        self.name = f"gate-{len(route)}"
        self.token = fleet.token(device=self.name)
        self.gate = FieldDevice(fleet.url, self.name)
        if route == REPORTS:
            assert self.gate.enrol(self.token)[0] == 200
        self.other = fleet.device(f"{self.name}-other")
        self.path = route.format(device=self.name)
        self.body = self._body()

    def _body(self) -> bytes:
        now = datetime.now(UTC).isoformat()
        told: dict[str, Any] = {"at": now, "time": now, "agent": "0.1.0"}
        if self.route == wire.ENROL:
            told = {"token": self.token, "id": self.name, "device_class": "edge-cpu", "agent": "0.1.0"}
            told["public_key"] = self.gate.public_key
        return json.dumps(told).encode()

    def signed(self, by: FieldDevice, *, name: str = "", sequence: int = 0) -> str:
        """Proof of a request."""
        return header("POST", self.path, name or self.name, sequence or self.next(), self.body, by.key.sign)

    def next(self) -> int:
        """A number that was not used."""
        self.gate.sequence += 1
        return self.gate.sequence

    def send(self, proof: str, body: bytes | None = None) -> int:
        """The code of the answer."""
        return self.gate.send(self.path, body or self.body, proof)[0]


def _another_key(attack: Attack) -> int:
    return attack.send(attack.signed(attack.other))


def _another_device(attack: Attack) -> int:
    return attack.send(attack.signed(attack.other, name=attack.other.id))


def _another_body(attack: Attack) -> int:
    return attack.send(attack.signed(attack.gate), attack.body + b" ")


def _another_path(attack: Attack) -> int:
    return attack.send(header("POST", f"{attack.path}/", attack.name, attack.next(), attack.body, attack.gate.key.sign))


def _another_method(attack: Attack) -> int:
    return attack.send(header("PUT", attack.path, attack.name, attack.next(), attack.body, attack.gate.key.sign))


def _another_number(attack: Attack) -> int:
    proof = attack.signed(attack.gate)
    return attack.send(proof.replace(f'sequence="{attack.gate.sequence}"', f'sequence="{attack.next()}"'))


def _twice(attack: Attack) -> int:
    proof = attack.signed(attack.gate)
    assert attack.send(proof) == 200
    return attack.send(proof)


def _an_older_number(attack: Attack) -> int:
    assert attack.send(attack.signed(attack.gate, sequence=90)) == 200
    return attack.send(attack.signed(attack.gate, sequence=89))


def _revoked(attack: Attack) -> int:
    assert attack.send(attack.signed(attack.gate)) == 200
    asked = {"reason": "stolen"}
    assert attack.fleet.send(attack.fleet.operator, "POST", f"/v1/devices/{attack.name}/revoke", asked)[0] == 200
    return attack.send(attack.signed(attack.gate))


def _a_person(attack: Attack) -> int:
    return attack.fleet.send(attack.fleet.operator, "POST", attack.path, json.loads(attack.body))[0]


ATTACKS: Final[dict[Callable[[Attack], int], set[int]]] = {
    _another_key: {401},
    _another_device: {401, 403},
    _another_body: {401},
    _another_path: {401},
    _another_method: {401},
    _another_number: {401},
    _twice: {409},
    _an_older_number: {409},
    _revoked: {403},
    _a_person: {401},
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.__name__.strip("_"))
def test_every_route_of_devices_refuses(fleet: Running, attack: Callable[[Attack], int]) -> None:
    routes = [route for route, _, told in _described(fleet) if "devices" in told["tags"]]
    assert sorted(routes) == [REPORTS, wire.ENROL]
    codes = {route: attack(Attack(fleet, route)) for route in routes}
    assert set(codes.values()) <= ATTACKS[attack], codes


def test_nobody_gets_in_without_a_proof_and_no_device_where_people_ask(fleet: Running) -> None:
    gate, found = fleet.device("gate-1"), {}
    for route, method, told in _described(fleet):
        path = route.format(device="gate-1", secret="x" * 43)
        body = ENROLLING if route == wire.ENROL else b"{}"
        proofs = {"nothing": "", "a device": header(method, path, "gate-1", gate.sequence + 1, body, gate.key.sign)}
        for what, proof in proofs.items():
            if route in OPEN or (what == "a device" and "devices" in told["tags"]):
                continue
            headers = {"Authorization": proof} if proof else {}
            answer = urllib3.request(method, fleet.url + path, body=body, headers=headers, retries=False)
            found[route, method, what] = answer.status
    assert set(found.values()) == {401}, {key: code for key, code in found.items() if code != 401}
    assert {route for route, _, told in _described(fleet) if told["tags"] == ["health"]} < OPEN


def test_the_reference_names_every_route_and_every_metric(fleet: Running) -> None:
    page = (Path(__file__).parents[4] / "docs" / "reference" / "fleet.md").read_text()
    routes = {route.format(device="ID", secret="SECRET") for route, _, _ in _described(fleet)}
    assert [one for one in sorted(routes) if f"{one}`" not in page] == []
    told = urllib3.request("GET", f"{fleet.url}/metrics").data.decode().splitlines()
    names = {line.split()[2] for line in told if line.startswith("# TYPE")}
    assert [one for one in sorted(names) if f"`{one}" not in page] == []


def _described(fleet: Running) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Route, method and what is told of it."""
    with urllib3.PoolManager() as pool:
        told = json.loads(pool.request("GET", f"{fleet.url}/openapi.json").data)
    for route, methods in told["paths"].items():
        for method, one in methods.items():
            yield route, method.upper(), one
