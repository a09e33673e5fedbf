"""A device that looks at a channel and fetches what it is told, without an agent."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from signed_channel.office import Office
from slipway.serving.bundle.canonical import sha256
from slipway.serving.bundle.manifest import MANIFEST
from slipway.serving.channel.client import ChannelClient
from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.looking import Look
from slipway.serving.channel.transport import Transport


@dataclass
class Follower:
    """Looks with a new client each time, as after a restart; at the office's own folder unless told otherwise."""

    trust: Path
    bootstrap: bytes
    office: Office
    model: str = "small-bays"
    clock_days: float = 0
    """How far its clock is ahead."""

    def client(self, source: Path | Transport | None = None) -> ChannelClient:
        source = source or self.office.folder
        return ChannelClient(
            self.trust, FolderTransport(source) if isinstance(source, Path) else source, self.bootstrap
        )

    def look(self, source: Path | Transport | None = None) -> Look:
        return self.client(source).look(self.model, now=self.office.time.now() + timedelta(days=self.clock_days))

    def fetch(self, source: Path | Transport | None = None) -> int:
        """Everything of the base release, held against what was vouched for; the bytes."""
        client = self.client(source)
        look = client.look(self.model, now=self.office.time.now())
        assert look.base is not None
        manifest, _ = client.manifest(look.base)
        total = 0
        for remote in client.files(look.base, [MANIFEST, *manifest.files]):
            data = b"".join(client.read(remote))
            if sha256(data) != remote.sha256:
                raise WrongDigest(remote.path)
            total += len(data)
        return total


class WrongDigest(Exception):
    """Bytes that were not vouched for; `read` leaves it to its caller to see that."""
