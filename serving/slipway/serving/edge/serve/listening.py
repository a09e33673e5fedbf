"""The addresses that a server listens on, taken before anything else begins: a port that is taken stops nothing."""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from slipway.serving.errors import SlipwayError


@contextmanager
def bound(host: str, port: int) -> Iterator[Sequence[socket.socket]]:
    """A socket for each address of a host. Nobody is answered there before somebody listens on them."""
    with ExitStack() as opened:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            sockets = [opened.enter_context(_bound(family, address)) for family, address in _each(found)]
        except (OSError, UnicodeError) as error:
            number = getattr(error, "errno", None)
            why = os.strerror(number) if number and not isinstance(error, socket.gaierror) else str(error)
            raise SlipwayError(
                f"{host} port {port} cannot be listened on: {why}.",
                mend="Name another with --host and --port; --port 0 takes a free one.",
            ) from None
        yield sockets


def _each(found: Sequence[tuple[int, int, int, str, tuple[object, ...]]]) -> Sequence[tuple[int, tuple[object, ...]]]:
    """Family and address, each once."""
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except BaseException:
        made.close()
        raise
    return made
