"""A channel's files, from the side of those who sign them.

`tuf_repository` is the real one. Each step looks for its own result first, so whoever is killed is repeated; devices
see a change only with the timestamp, which `commit` writes last.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from slipway.serving.channel.pointer import Pointer
from slipway.serving.channel.release import Release
from slipway.serving.channel.site import SitePointer
from slipway.serving.release.metering import SILENT, Meter


class Repository(Protocol):
    """What rollouts need of a channel."""

    def models(self) -> tuple[str, ...]:
        """All that there is a pointer of."""

    def pointer(self, model: str) -> Pointer | None:
        """What devices are told, or will be by the next commit; None before the first pointer."""

    def sites(self) -> Mapping[str, SitePointer | None]:
        """All that is listed as a site, by path; None where it cannot be believed."""

    def site(self, site: str) -> SitePointer | None:
        """What the devices of a site are told, or will be by the next commit."""

    def set_site(self, pointer: SitePointer) -> None:
        """Sign it with the rollout key, as a pointer."""

    def release(self, model: str, bundle: str, number: int) -> Release | None:
        """A release that devices can see, or that the next commit will show."""

    def add_release(self, release: Release, files: Mapping[str, Path], meter: Meter = SILENT) -> Release:
        """Bring the files (manifest included), then sign the release with the release key; what stands is returned."""

    def set_pointer(self, pointer: Pointer) -> None:
        """Sign a pointer with the rollout key; refused unless its sequence is higher than before."""

    def commit(self) -> None:
        """Show devices everything that was signed: snapshot, then timestamp."""
