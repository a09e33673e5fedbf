"""How a device's request says whose it is and that nobody has changed, copied or kept it.

    Authorization: Slipway-Device id="gate-3", sequence="42", signature="<128 hexadecimal digits>"

Signed are method, path, id, sequence and the sha256 of the body. The service takes each sequence of a device once and
only a higher one next, so what was overheard is worth nothing. A device that has forgotten where it was is told (409).
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SCHEME: Final = "Slipway-Device"
STATEMENT: Final = "slipway-device-request-1"
_FORM: Final = re.compile(
    r'Slipway-Device id="(?P<id>[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)", '
    r'sequence="(?P<sequence>[1-9][0-9]{0,15})", signature="(?P<signature>[0-9a-f]{128})"'
)


@dataclass(frozen=True)
class Signed:
    """What the header of a request says."""

    device: str
    sequence: int
    signature: bytes


def statement(method: str, path: str, device: str, sequence: int, body: bytes) -> bytes:
    """The bytes that are signed."""
    digest = hashlib.sha256(body).hexdigest()
    return "\n".join((STATEMENT, method, path, device, str(sequence), digest)).encode()


def header(method: str, path: str, device: str, sequence: int, body: bytes, sign: Callable[[bytes], bytes]) -> str:
    """The value of `Authorization`."""
    signature = sign(statement(method, path, device, sequence, body)).hex()
    return f'{SCHEME} id="{device}", sequence="{sequence}", signature="{signature}"'


def parse_header(text: str) -> Signed | None:
    """What it says; None where it is no such header."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    return Signed(found["id"], int(found["sequence"]), bytes.fromhex(found["signature"]))
