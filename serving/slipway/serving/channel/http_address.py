"""Which HTTP addresses a device may use, of a channel or of a fleet service."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from slipway.serving.errors import WrongUse


@dataclass(frozen=True)
class Kind:
    """Whose address it is, for those who are told what is wrong with it."""

    name: str
    example: str
    """A sentence that shows one."""
    secret: str
    """Why it has no password in it."""
    unencrypted: str
    """What others can do then."""


class Address(NamedTuple):
    """The parts of an address."""

    scheme: str
    host: str
    port: int | None
    path: str
    """Without a stroke at its end."""


def checked_address(address: str, kind: Kind, *, plain: bool) -> Address:
    """Its parts, where it may be used; `plain` allows http to other machines."""
    try:
        url = parse_url(address)
    except LocationParseError:
        raise WrongUse(f"`{address}` is no address.", mend=kind.example) from None
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise WrongUse(f"`{address}` is no address of {kind.name}.", mend=kind.example)
    if url.auth:
        raise WrongUse(kind.secret, mend=kind.example)
    if url.scheme == "http" and not plain and not is_here(url.host):
        raise WrongUse(
            f"`{address}` is not encrypted.",
            mend=f"Use https://, or enrol with --plain-http: {kind.unencrypted}.",
        )
    return Address(url.scheme, url.host, url.port, (url.path or "").rstrip("/"))


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
