"""Running the service: uvicorn on a socket that listens, and beside it what forgets old things every hour."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import uvicorn

from slipway.serving.edge.serve.memory import settle
from slipway.serving.fleet.service.app import Part, create_app
from slipway.serving.fleet.service.connecting import Connection
from slipway.serving.fleet.service.context import Service
from slipway.serving.fleet.service.listening import BACKLOG

if TYPE_CHECKING:
    import socket

    from fastapi import FastAPI

log = logging.getLogger(__name__)

EVERY_S: Final = 3600.0
SWITCH_S: Final = 0.0005
"""The writer gives way at each statement; with Python's own 5 ms it would wait so long to go on while others ask."""
DRAIN_S: Final = 10
"""For which the end waits for answers."""


class _Server(uvicorn.Server):
    """Stops at a signal and gives control back, so that the store is closed in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def run(service: Service, sockets: "socket.socket", parts: Sequence[Part] = ()) -> None:
    """Until a signal says stop."""
    sys.setswitchinterval(SWITCH_S)
    server = _Server(configuration(create_app(service, *parts)))
    settle()  # a collection that looks at all that was imported holds up every answer for 0.1 s
    with forgetting(service):
        server.run([sockets])


def configuration(app: "FastAPI") -> uvicorn.Config:
    """Of the server."""
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
        backlog=BACKLOG,
    )


@contextmanager
def forgetting(service: Service) -> Iterator[None]:
    """Forget what is old, now and then every hour."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                went = service.store.forget(service.settings.retention)
                log.info("Forgotten: %s", went)
            except Exception as error:  # noqa: BLE001 - it is tried again; the service goes on
                log.warning("Nothing was forgotten: %s", error)
            stop.wait(EVERY_S)

    thread = threading.Thread(target=work, name="fleet-forgetting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(DRAIN_S)
