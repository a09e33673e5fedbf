"""From an address to a transport."""

from pathlib import Path

from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.http_transport import USUAL, HttpTransport, Pace
from slipway.serving.channel.transport import Transport


def open_transport(
    address: str, *, pace: Pace = USUAL, plain: bool = False, authorities: Path | None = None
) -> Transport:
    """A web server's, for `https://…`; else a folder's. Nothing is asked until it is used."""
    if "://" in address:
        return HttpTransport(address, pace=pace, plain=plain, authorities=authorities)
    return FolderTransport(Path(address).expanduser())
