"""The HTTP side: connections, tokens, faults, and the record of what was asked."""

import contextlib
import json
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from cluster.access import ANONYMOUS, User
from cluster.answering import Answer, Answers
from cluster.discovery import describe
from cluster.errors import ApiError, bad_request, no_such_path, unauthorized
from cluster.faults import Effect, Fault, Faults, Request
from cluster.routing import target_of

LISTEN_SECONDS: Final = 0.02


class Dropped(Exception):
    """The connection is closed without an answer."""


class ApiServer:
    """Listens on loopback. `restart` closes every connection and listens again at the same port."""

    def __init__(self, answers: Answers, users: Mapping[str, User], faults: Faults) -> None:
        self.answers = answers
        self.users = users
        self.faults = faults
        self.requests: list[Request] = []
        self.port = 0
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(LISTEN_SECONDS,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Listen no more, and close every connection."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self.faults.release()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._server = None

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients that go away are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    api: ApiServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.api.opened(self.connection)

    def finish(self) -> None:
        self.api.closed(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests look at `requests`."""

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._send(self._answer(body))
        except ApiError as error:
            self._send(Answer(error.status(), error.code))
        except (Dropped, BrokenPipeError, ConnectionResetError):
            self._cut()
        except Exception as error:
            self._send(Answer(ApiError(500, "InternalError", f"the test partner failed: {error!r}").status(), 500))
            raise

    def _answer(self, body: bytes) -> Answer:
        user = self._user()
        target = target_of(self.command, self.path)
        if target is None:
            return self._about_server()
        request = target.request(user.name)
        self.api.requests.append(request)
        fault = self.api.faults.next_for(request)
        if fault is not None and fault.effect is not Effect.LOSE_ANSWER:
            self._meet(fault)
        user.check(target.verb, target.kind, target.part, target.namespace, target.name)
        answer = self.api.answers.answer(target, self._parsed(body), self.headers.get("Content-Type", ""))
        if fault is not None and fault.effect is Effect.LOSE_ANSWER:
            raise Dropped
        return answer

    def _parsed(self, body: bytes) -> Any:
        if not body:
            return None
        try:
            return json.loads(body)
        except ValueError:
            raise bad_request("the object provided is unrecognized (must be of type JSON)") from None

    def _user(self) -> User:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if not token:
            return ANONYMOUS
        if kind.lower() != "bearer" or token not in self.api.users:
            raise unauthorized()
        return self.api.users[token]

    def _about_server(self) -> Answer:
        found = describe(self.path)
        if found is None:
            raise no_such_path()
        if isinstance(found, str):
            return Answer(pieces=iter([found.encode()]), content_type="text/plain")
        return Answer(found)

    def _meet(self, fault: Fault) -> None:
        if fault.effect is Effect.ANSWER:
            words = (
                "Too many requests, please try again later."
                if fault.status == 429
                else "an error on the server has prevented the request from succeeding"
            )
            details = {} if fault.retry_after is None else {"retryAfterSeconds": fault.retry_after}
            raise ApiError(fault.status, fault.reason, words, details)
        if fault.effect is Effect.HANG:
            over = self.api.faults.over
            while not over.wait(LISTEN_SECONDS) and not _left(self.connection):
                pass
        raise Dropped

    def _send(self, answer: Answer) -> None:
        if answer.pieces is not None:
            self._send_pieces(answer)
            return
        data = json.dumps(answer.thing).encode()
        self._head(answer)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()

    def _head(self, answer: Answer) -> None:
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.content_type)
        for warning in answer.warnings:
            quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
            self.send_header("Warning", f'299 - "{quoted}"')
        seconds = ((answer.thing or {}).get("details") or {}).get("retryAfterSeconds") if answer.code == 429 else None
        if seconds is not None:
            self.send_header("Retry-After", str(seconds))

    def _send_pieces(self, answer: Answer) -> None:
        self._head(answer)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        with self._may_be_cut() as cut:
            for piece in answer.pieces or ():
                if cut.is_set() or _left(self.connection):
                    raise Dropped
                if piece:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    @contextlib.contextmanager
    def _may_be_cut(self) -> Iterator[threading.Event]:
        cut = threading.Event()

        def now() -> None:
            cut.set()
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        self.api.faults.streaming(now)
        try:
            yield cut
        finally:
            self.api.faults.ended(now)

    def _cut(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _left(connection: socket.socket) -> bool:
    """Whether the client has closed its side."""
    try:
        ready, _, _ = select.select([connection], [], [], 0)
        return bool(ready) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True
