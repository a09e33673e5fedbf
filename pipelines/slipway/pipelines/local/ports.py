"""Ports of the local stack: the usual ones where they are free, others where not, and the same again next time.

A server takes its port long after it was chosen. So the supervisor holds a name for each port that the stacks of other
projects on this machine respect; the kernel gives it back when its holder ends.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from slipway.pipelines.local.place import write_private
from slipway.platform.errors import SlipwayError

LOOPBACK: Final = "127.0.0.1"
NEIGHBOURS: Final = 20


class Ports:
    """Which component listens where. Ask for them before anything starts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._remembered: dict[str, int] = {}
        with suppress(FileNotFoundError, ValueError, TypeError, AttributeError):
            self._remembered = {str(name): int(port) for name, port in json.loads(file.read_text()).items()}
        self._taken: dict[str, int] = {}
        self._held: ExitStack | None = None

    @contextmanager
    def holding(self) -> Iterator[Self]:
        """No other stack takes the ports that are asked for here."""
        with ExitStack() as self._held:
            yield self

    def take(self, name: str, usual: int) -> int:
        """The port of a component on loopback: where it was before, else the usual one, else the next free one."""
        if name in self._taken:
            return self._taken[name]
        wanted = (self._remembered.get(name, usual), *range(usual, usual + NEIGHBOURS), 0)
        others = set(self._taken.values())
        port = next((found for port in wanted if port not in others and (found := self._get(port))), None)
        if port is None:
            raise SlipwayError(f"There is no free port for {name} on {LOOPBACK}.", mend="ss -ltnp shows who listens.")
        self._taken[name] = port
        if self._remembered.get(name) != port:
            self._remembered[name] = port
            write_private(self._file, json.dumps(self._remembered, indent=2))
        return port

    def _get(self, port: int) -> int:
        """It, or the one that stands for 0, when it is free."""
        found = free(port)
        name = reserved(found) if found else None
        if name is None:
            return 0
        if self._held is None:
            name.close()
        else:
            self._held.enter_context(name)
        return found


def reserved(port: int) -> socket.socket | None:
    """The name of a port among stacks, unless another one has it."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0slipway-local-port-{port}")
    except OSError:
        name.close()
        return None
    return name


def free(port: int) -> int:
    """The port when nobody listens there, else 0; asked for 0, one that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return 0
        found: int = probe.getsockname()[1]
        return found
