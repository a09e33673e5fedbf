"""Secrets of the stack: made once, kept in one private file, and told to the person when they are made."""

import base64
import json
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from slipway.pipelines.local.place import Place, write_private

FILE: Final = "credentials.json"
PASSWORD_BYTES: Final = 12
SECRET_BYTES: Final = 32


def _secret() -> str:
    return secrets.token_hex(SECRET_BYTES)


def _fernet() -> str:
    """A key of the kind that Airflow encrypts connections with."""
    return base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What the stack's servers know people and one another by."""

    airflow_users: Mapping[str, str] = field(default_factory=dict)
    """Passwords by name."""
    airflow_secret: str = field(default_factory=_secret)
    airflow_token_secret: str = field(default_factory=_secret)
    airflow_fernet: str = field(default_factory=_fernet)


def kept(place: Place, users: Iterable[str]) -> tuple[Credentials, Mapping[str, str]]:
    """Those of this stack, with a password for each of these users; and the passwords that were made just now."""
    found = _read(place)
    before = found or Credentials()
    new = {name: secrets.token_urlsafe(PASSWORD_BYTES) for name in users if name not in before.airflow_users}
    if found is None or new:
        before = replace(before, airflow_users={**before.airflow_users, **new})
        write_private(place.folder / FILE, json.dumps(asdict(before), indent=1))
    return before, new


def _read(place: Place) -> Credentials | None:
    with suppress(FileNotFoundError, ValueError, TypeError):
        return Credentials(**json.loads((place.folder / FILE).read_text()))
    return None
