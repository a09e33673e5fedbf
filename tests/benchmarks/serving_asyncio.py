"""The network behind a protocol of asyncio written for this one question: what there is to gain at all.

It runs the model in the loop's thread, checks nothing, and knows neither other addresses nor other callers.

python serving_asyncio.py MODEL.onnx PORT
"""

import asyncio
import sys
from typing import Any, cast

from serving_fastapi import answer, session

END = b"\r\n\r\n"
LENGTH = b"content-length:"


class Answering(asyncio.Protocol):
    """One connection."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._data = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller has come."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._data += data
        while (end := self._data.find(END)) >= 0:
            head = bytes(self._data[:end]).lower()
            length = int(head.partition(LENGTH)[2].partition(b"\r\n")[0])
            body = end + len(END)
            if len(self._data) < body + length:
                return
            found = answer(self._model, bytes(self._data[body : body + length]))
            del self._data[: body + length]
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(found), found))


async def serve(path: str, port: int) -> None:
    """Until the process is ended."""
    model = session(path)
    server = await asyncio.get_running_loop().create_server(lambda: Answering(model), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
