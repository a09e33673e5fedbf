"""The channel of the settings, from both its sides: of those who sign it, and of a device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuf.api.metadata import Targets

from slipway.platform.registry.desk import Desk
from slipway.serving.channel.client import ChannelClient
from slipway.serving.channel.looking import Channel
from slipway.serving.release.places import StoreTransport, channel_store, device_transport
from slipway.serving.release.reviewing import review
from slipway.serving.release.tuf_repository import TufRepository

OpenChannel = Callable[[Path], Channel]
"""The channel as a device sees it that was never online before; the folder is for what it learns."""


@dataclass(frozen=True)
class Sides:
    """A channel."""

    repository: TufRepository
    device: OpenChannel
    """As devices get it."""
    written: OpenChannel
    """As it was written, whatever a web server or CDN makes of it."""
    public: str = ""
    """The web server's address, where the settings name one."""


def open_repository(desk: Desk) -> TufRepository:
    """To sign it, as far as this machine's keys go; a list that a former key signed is held against the ledger."""
    store = channel_store(desk.loaded)

    def objections(listed: Targets) -> Sequence[str]:
        return review(listed, desk, store).problems

    return TufRepository.open(desk.loaded, store=store, people=desk.people, now=desk.now, review=objections)


def open_sides(desk: Desk) -> Sides:
    """To sign it, and to see what devices see; there must be a channel."""
    repository = open_repository(desk)
    root = repository.root_bytes()
    given, written = device_transport(desk.loaded), StoreTransport(channel_store(desk.loaded))
    return Sides(
        repository,
        device=lambda trust: ChannelClient(trust, given, root),
        written=lambda trust: ChannelClient(trust, written, root),
        public=desk.loaded.settings.channel.public_url or "",
    )
