"""Listening: the socket is taken before the server starts, so a free port is known, and a taken one is told at once."""

import socket
from typing import Final

from slipway.platform.errors import SlipwayError

BACKLOG: Final = 1024


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _taken(host, port, error) from None
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(place)
        found.listen(BACKLOG)
        found.settimeout(0)
    except OSError as error:
        found.close()
        raise _taken(host, port, error) from None
    return found


def _taken(host: str, port: int, error: OSError) -> SlipwayError:
    return SlipwayError(
        f"Nothing can listen at {host}:{port}: {error.strerror}.",
        mend="fleet.host and fleet.port, or --host and --port, name another place; port 0 takes a free one.",
    )
