"""An S3 server on a free loopback port: prints the port, serves until its standard input is closed.

It is moto's, with one thing mended: moto looks whether a key is free and writes it in two steps, between which another
request may come; a real server does both at once. So changing requests are let in one after the other, each with its
body already read, so that a slow client holds nobody up.
"""

import io
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

one_writer = threading.Lock()
moto = DomainDispatcherApplication(create_backend_app)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] not in {"PUT", "POST", "DELETE"}:
        answer: Iterable[bytes] = moto(environ, start_response)
        return answer
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    with one_writer:
        return list(moto(environ, start_response))


def main() -> None:
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
