"""Where a channel's files lie: the store that the settings name, and its files as a device would read them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from slipway.platform.store import ObjectMissing, Store, StoreError, open_store
from slipway.platform.store.errors import BadKey
from slipway.serving.channel.transport import NotThere, TransferFailed

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

PIECE: Final = 4 * 1024 * 1024


def channel_store(loaded: "Loaded") -> Store:
    """The store at `channel.url`."""
    settings = loaded.settings
    return open_store(settings.store.model_copy(update={"url": settings.channel.url}), settings.s3)


class StoreTransport:
    """A channel's files, read from where they are written; what a device reads through a web server."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def place(self) -> str:
        return self._store.url

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        try:
            piece = self._store.open_range(path, start, PIECE)
            while piece:
                yield piece
                start += len(piece)
                piece = self._store.open_range(path, start, PIECE) if len(piece) == PIECE else b""
        except (ObjectMissing, BadKey) as error:
            raise NotThere(f"{self.place} has no {path}.") from error
        except StoreError as error:
            raise TransferFailed(str(error), mend=error.mend) from error
