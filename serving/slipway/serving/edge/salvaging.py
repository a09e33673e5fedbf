"""What is left of a device whose `device.json` cannot be read: its key says which device it is, and that is enough.

The damaged file is asked for the name and the class that still stand in it; nothing else of it is believed.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway.serving.bundle.canonical import sha256
from slipway.serving.edge.configuration import DEVICE, LARGEST_DEVICE, Home, root_name
from slipway.serving.errors import SlipwayError

_PLAIN: Final = rb'"\s*:\s*"([a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)"'


@dataclass(frozen=True)
class Before:
    """Who a device was; None is what nobody knows any more."""

    public_key: str
    id: str | None
    device_class: str | None
    root: str | None


def salvaged(home: Home, damage: SlipwayError) -> Before:
    """What the key, the root and the damaged file still say; without the key that is nothing."""
    try:
        public = public_half(home.key)
    except (OSError, ValueError, TypeError) as error:
        raise SlipwayError(
            f"{damage} Nor can its key be read: {error}",
            mend=f"Bring {home.key} back, or remove {home.folder / DEVICE}: then this becomes another device.",
        ) from None
    data = _read(home.folder / DEVICE)
    roots = [path.name for path in home.folder.glob("root.*.json")]
    root = sha256(_read(home.folder / roots[0])) if len(roots) == 1 else None
    return Before(
        public_key=public,
        id=_found(data, b"id"),
        device_class=_found(data, b"device_class"),
        root=root if root is not None and roots == [root_name(root)] else None,
    )


def public_half(path: Path) -> str:
    """Of the ed25519 key in a file, in hexadecimal."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("it is no ed25519 key.")
    return key.public_key().public_bytes_raw().hex()


def _found(data: bytes, name: bytes) -> str | None:
    match = re.search(b'"' + name + _PLAIN, data)
    return match[1].decode("ascii") if match else None


def _read(path: Path) -> bytes:
    """Its beginning, as far as it can be read."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_DEVICE)
    except OSError:
        return b""
