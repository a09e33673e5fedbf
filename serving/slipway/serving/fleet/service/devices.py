"""What devices say: enrolling and reporting. Each request is signed with the device's own key.

The signature is checked before the body is looked into. The key is remembered; whether it still counts is asked of the
store in the very commit that stores the report.
"""

import asyncio
from collections import OrderedDict
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from slipway.serving.edge.fleet import wire
from slipway.serving.edge.fleet.signing import Signed, parse_header, statement
from slipway.serving.fleet.service.bodies import body_for, body_of, content
from slipway.serving.fleet.service.context import Service, service_of
from slipway.serving.fleet.service.people import address_of, asked_path
from slipway.serving.fleet.service.refusing import JSON, Refusal
from slipway.serving.fleet.store.refusals import KnownOtherwise, NotADevice, Revoked
from slipway.serving.fleet.store.reporting import Heard

LARGEST_ENROLLING: Final = 16 * 1024
MOST_KEYS: Final = 100_000

router = APIRouter(tags=["devices"])


class Keys:
    """Public keys of devices, remembered."""

    def __init__(self) -> None:
        self._keys: OrderedDict[str, tuple[str, Ed25519PublicKey]] = OrderedDict()

    async def of(self, service: Service, device: str) -> tuple[str, Ed25519PublicKey]:
        """The key of a device, in hexadecimal and ready."""
        found = self._keys.get(device)
        if found is None:
            text = await run_in_threadpool(service.store.key_of, device)
            if text is None:
                raise NotADevice(device)
            found = self._keys[device] = (text, Ed25519PublicKey.from_public_bytes(bytes.fromhex(text)))
            if len(self._keys) > MOST_KEYS:
                self._keys.popitem(last=False)
        return found

    def forget(self, device: str) -> None:
        """It may have another now."""
        self._keys.pop(device, None)


@router.post(wire.ENROL, response_model=wire.Enrolled, openapi_extra=body_for("Enrolling"))
async def enrol(request: Request) -> Response:
    """Make a machine a device, by a one-time token."""
    service = service_of(request)
    _limited(service, f"address {address_of(request)}")
    body = await body_of(request, LARGEST_ENROLLING)
    signed = _signed(request)
    asked = content(wire.Enrolling, body)
    key = _key(asked.public_key)
    if signed is None or signed.device != asked.id or key is None or not _fits(key, request, signed, body):
        raise Refusal(401, "Expected the request to be signed with the key that it names.")
    keys: Keys = request.app.state.keys
    keys.forget(asked.id)
    proof = request.headers["authorization"].encode() + b"\n" + body
    try:
        place = await asyncio.wrap_future(service.store.enrol(asked, signed.sequence, proof))
    except KnownOtherwise:
        await asyncio.wrap_future(service.store.note_strange(asked.id, "other-key"))
        raise
    told = wire.Enrolled.model_construct(
        id=asked.id,
        channel=service.channel,
        root=place.root,
        models=tuple(place.models),
        site=place.site,
        cohorts=tuple(place.cohorts),
    )
    return Response(told.model_dump_json(), media_type=JSON)


@router.post("/v1/devices/{device}/reports", response_model=wire.Received, openapi_extra=body_for("Report"))
async def report(request: Request, device: str) -> Response:
    """Take what a device has to tell: when this is answered, it is stored for good."""
    service = service_of(request)
    heard = await _heard(request, service, device)
    try:
        stored = await asyncio.wrap_future(service.store.take(heard))
    except (KnownOtherwise, Revoked) as error:
        keys: Keys = request.app.state.keys
        keys.forget(device)
        what = "revoked" if isinstance(error, Revoked) else "other-key"
        await asyncio.wrap_future(service.store.note_strange(device, what))
        raise
    service.metrics.records += stored
    return Response(f'{{"stored":{stored},"again_s":{service.settings.report_seconds}}}', media_type=JSON)


async def _heard(request: Request, service: Service, device: str) -> Heard:
    """A report whose signature is right."""
    signed = _signed(request)
    if signed is None:
        _limited(service, f"address {address_of(request)}")
        raise Refusal(401, "Expected a request that a device has signed.", mend="`slipway-edge` signs its reports.")
    if signed.device != device:
        _limited(service, f"address {address_of(request)}")
        raise Refusal(403, f"`{signed.device}` speaks only for itself, not for `{device[:64]}`.")
    keys: Keys = request.app.state.keys
    try:
        text, key = await keys.of(service, device)
    except NotADevice:
        _limited(service, f"address {address_of(request)}")
        raise
    body = await body_of(request, wire.LARGEST_REPORT)
    if not _fits(key, request, signed, body):
        keys.forget(device)
        _limited(service, f"address {address_of(request)}")
        await asyncio.wrap_future(service.store.note_strange(device, "other-key"))
        raise Refusal(401, f"The signature is not by the key of `{device}`, or what is signed was changed.")
    _limited(service, f"device {device}")
    return Heard(device, text, signed.sequence, content(wire.Report, body))


def _signed(request: Request) -> Signed | None:
    return parse_header(request.headers.get("authorization", ""))


def _fits(key: Ed25519PublicKey, request: Request, signed: Signed, body: bytes) -> bool:
    said = statement(request.method, asked_path(request), signed.device, signed.sequence, body)
    try:
        key.verify(signed.signature, said)
    except InvalidSignature:
        return False
    return True


def _key(public: str) -> Ed25519PublicKey | None:
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    except ValueError:
        return None


def _limited(service: Service, whose: str) -> None:
    waits = service.limits.ask(whose)
    if waits is not None:
        raise Refusal(429, "Too many requests.", again_s=waits)
