"""How this device reaches its channel: over HTTP, or in a folder such as a USB stick."""

from pathlib import Path
from typing import Final

from slipway.serving.channel.client import ChannelClient
from slipway.serving.channel.http_transport import Pace
from slipway.serving.channel.opening import open_transport
from slipway.serving.channel.transport import Transport
from slipway.serving.edge.configuration import Enrolment, Home, Network

TRUST: Final = "trust"
"""Where a device keeps what it trusts, in its folder."""


def transport_of(place: str, network: Network) -> Transport:
    """The files of the channel at an address, or in a folder."""
    pace = Pace(
        silent_seconds=network.patience_s,
        patience_seconds=network.patience_s,
        least_bytes_per_second=network.least_bytes_per_second,
    )
    authorities = Path(network.authorities) if network.authorities else None
    return open_transport(place, pace=pace, plain=network.plain_http, authorities=authorities)


def channel_of(home: Home, enrolment: Enrolment, place: str | None = None) -> ChannelClient:
    """The channel that the device follows, or what claims to be the same one at another place."""
    transport = transport_of(place or enrolment.channel, enrolment.network)
    trust, root = home.folder / TRUST, home.root(enrolment)
    return ChannelClient(trust, transport, root, device=enrolment.id, site=enrolment.site)
