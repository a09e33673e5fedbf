"""Where a channel's files lie: the store that the settings name, and its files as a device would read them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.store import ObjectMissing, Store, StoreError, open_store
from slipway.platform.store.errors import SETTING, BadKey
from slipway.serving.channel.opening import open_transport
from slipway.serving.channel.transport import NotThere, TransferFailed, Transport

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

PIECE: Final = 4 * 1024 * 1024
CHANNEL_SETTING: Final = "`SLIPWAY_CHANNEL__URL`, or `url` in `[contexts.<name>.channel]`"


def channel_store(loaded: "Loaded") -> Store:
    """The store at `channel.url`."""
    settings = loaded.settings
    with _own_setting():
        return ChannelStore(open_store(settings.store.model_copy(update={"url": settings.channel.url}), settings.s3))


def device_transport(loaded: "Loaded") -> Transport:
    """The channel as devices read it: from the web server that the settings name, else from where it is written."""
    public = loaded.settings.channel.public_url
    return StoreTransport(channel_store(loaded)) if public is None else open_transport(public)


@contextmanager
def _own_setting() -> Iterator[None]:
    """The stores' adapters reach it, but what is to be mended is another setting."""
    try:
        yield
    except SlipwayError as error:
        if error.mend and SETTING in error.mend:
            mend = error.mend.replace(SETTING, CHANNEL_SETTING)
            error.__notes__ = [mend if note == error.mend else note for note in error.__notes__]
            error.mend = mend
        raise


@dataclass(frozen=True)
class ChannelStore:
    """A store whose errors name the channel's setting."""

    inner: Store

    @property
    def url(self) -> str:
        return self.inner.url

    def get(self, key: str) -> bytes:
        with _own_setting():
            return self.inner.get(key)

    def put(self, key: str, data: bytes) -> None:
        with _own_setting():
            self.inner.put(key, data)

    def put_if_absent(self, key: str, data: bytes) -> bytes:
        with _own_setting():
            return self.inner.put_if_absent(key, data)

    def list(self, prefix: str = "") -> Iterator[str]:
        with _own_setting():
            yield from self.inner.list(prefix)

    def open_range(self, key: str, start: int, length: int) -> bytes:
        with _own_setting():
            return self.inner.open_range(key, start, length)

    def size(self, key: str) -> int:
        with _own_setting():
            return self.inner.size(key)

    def age(self, key: str) -> timedelta:
        with _own_setting():
            return self.inner.age(key)

    def put_file(self, key: str, path: Path) -> None:
        with _own_setting():
            self.inner.put_file(key, path)

    def get_file(self, key: str, path: Path) -> None:
        with _own_setting():
            self.inner.get_file(key, path)

    def delete(self, key: str) -> None:
        with _own_setting():
            self.inner.delete(key)


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
