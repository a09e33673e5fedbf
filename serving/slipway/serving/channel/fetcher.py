"""python-tuf's way to a transport: small files into memory, never more bytes than they may have."""

from collections.abc import Iterator

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from slipway.serving.channel.errors import Untrusted
from slipway.serving.channel.transport import NotThere, Transport

_NOT_FOUND = 404


class TransportFetcher(FetcherInterface):
    """Fetches metadata by paths below the channel's own root; `asked` and `found` are the last one, for messages."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.asked = ""
        self.found = b""

    def download_bytes(self, url: str, max_length: int) -> bytes:
        self.asked, self.found = url, b""
        try:
            self.found = bounded(self._transport, url, max_length)
        except NotThere as error:
            raise DownloadHTTPError(str(error), _NOT_FOUND) from error
        return self.found

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self._transport.open(url)


def bounded(transport: Transport, path: str, largest: int) -> bytes:
    """A whole file of at most `largest` bytes."""
    data = bytearray()
    for piece in transport.open(path):
        data += piece
        if len(data) > largest:
            raise Untrusted(
                f"{transport.place}: {path} is endless or too large: expected at most {largest:,} bytes, more came."
            )
    return bytes(data)
