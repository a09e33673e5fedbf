"""The device's side of a channel: what is verified of it, and the files that it vouches for.

A look refreshes what is trusted with python-tuf, then reads the model's pointer and the releases that it names.
Whatever goes wrong is one of the channel's errors, and nothing of that look counts. What `files` and `read` give
belongs to the state of the last look. Whether a release suits this device is the agent's to judge: floor, device class,
the agent's own version, the pointer's sequence.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from tuf.api.metadata import TargetFile

from slipway.serving.bundle.canonical import sha256
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.folder import LARGEST_MANIFEST, read_manifest
from slipway.serving.bundle.manifest import MANIFEST, Manifest
from slipway.serving.channel import paths
from slipway.serving.channel.errors import ChannelError, Untrusted
from slipway.serving.channel.explaining import explained
from slipway.serving.channel.fetcher import TransportFetcher, bounded
from slipway.serving.channel.looking import Look, Remote
from slipway.serving.channel.pointer import LARGEST_POINTER, Named, Pointer
from slipway.serving.channel.release import LARGEST_RELEASE, Release
from slipway.serving.channel.site import LARGEST_SITE, SitePointer
from slipway.serving.channel.site_marks import keep_site_mark
from slipway.serving.channel.transport import NotThere, TransferFailed, Transport
from slipway.serving.channel.trust_folder import TrustFolder
from slipway.serving.channel.updater import RememberingUpdater

T = TypeVar("T", bound=BaseModel)
log = logging.getLogger(__name__)


class ChannelClient:
    """A channel, seen with the trust in one folder; `bootstrap` is the root that the device was enrolled with.

    `device` and `site` are whose pins are looked at.
    """

    def __init__(
        self, trust: Path, transport: Transport, bootstrap: bytes, *, device: str = "", site: str | None = None
    ) -> None:
        self._device, self._site = device, site
        self._folder = TrustFolder(trust)
        self._transport = transport
        self._bootstrap = bootstrap
        self._fetcher = TransportFetcher(transport)
        self._updater: RememberingUpdater | None = None
        self._small: dict[str, bytes] = {}

    def look(self, model: str, *, now: datetime) -> Look:
        self._updater = None
        updater = self._refreshed(now)
        self._updater = updater
        pointer = self._pointer(model)
        base, target = (self.release(model, named) if named else None for named in (pointer.base, pointer.target))
        signers, keys = updater.keys_of(paths.CHANNELS_ROLE)
        pinned = self._pinned(pointer)
        return Look(pointer, base, target, updater.newest_date, updater.good_until, signers, keys, pinned)

    def site(self, site: str, *, now: datetime) -> SitePointer | None:
        """What a site's devices should follow, as of the last look; None where the channel lists nothing of it.

        One older than the device has seen is refused, as long as a key that signed that one may still sign.
        """
        updater = self._updater
        if updater is None:
            updater = self._updater = self._refreshed(now)
        path = paths.site_path(site)
        try:
            remote = self._vouched(path)
        except NotThere:
            return None
        pointer = self._parsed(SitePointer, remote, LARGEST_SITE)
        if pointer.site != site:
            raise Untrusted(f"{self._transport.place}: {path} is of the site `{pointer.site}`, expected `{site}`.")
        signers, keys = updater.keys_of(paths.CHANNELS_ROLE)
        with explained(self._transport.place, self._fetcher, updater):
            keep_site_mark(self._folder, pointer, signers=signers, keys=keys)
        return pointer

    def manifest(self, release: Release) -> tuple[Manifest, bytes]:
        (remote,) = self.files(release, (MANIFEST,))
        data = self._content(remote, LARGEST_MANIFEST)
        try:
            manifest = read_manifest(data, f"{self._transport.place}: {remote.path}")
        except BadBundle as error:
            raise Untrusted(str(error)) from error
        if manifest.digest != release.bundle or manifest.model != release.model:
            raise Untrusted(
                f"{self._transport.place}: expected the manifest of bundle {release.bundle} of {release.model}, "
                f"found that of {manifest.digest} of {manifest.model}."
            )
        return manifest, data

    def files(self, release: Release, names: Sequence[str]) -> tuple[Remote, ...]:
        return tuple(self._vouched(paths.file_path(release.model, release.bundle, name)) for name in names)

    def read(self, remote: Remote, start: int = 0) -> Iterator[bytes]:
        left = remote.size - start
        if left <= 0:
            return
        path = paths.stored_path(remote.path, remote.sha256)
        for piece in self._transport.open(path, start):
            if len(piece) > left:
                raise Untrusted(
                    f"{self._transport.place}: {path} is endless or too large: "
                    f"expected {remote.size:,} bytes, more came."
                )
            left -= len(piece)
            yield piece
        if left:
            raise TransferFailed(
                f"{self._transport.place}: {path} ended early: expected {remote.size:,} bytes, "
                f"found {remote.size - left:,}."
            )

    def _refreshed(self, now: datetime) -> RememberingUpdater:
        self._fetcher.asked = ""
        with explained(self._transport.place, self._fetcher, None):
            updater = RememberingUpdater(self._folder, self._fetcher, self._bootstrap, now=now)
        with explained(self._transport.place, self._fetcher, updater):
            updater.refresh()
        return updater

    def _pointer(self, model: str) -> Pointer:
        path = paths.pointer_path(model)
        place = self._transport.place
        try:
            remote = self._vouched(path)
        except NotThere as error:
            raise NotThere(f"{place} holds nothing of {model}: it lists no {path}.", mend=_NOTHING) from error
        try:
            pointer = self._parsed(Pointer, remote, LARGEST_POINTER)
        except NotThere as error:  # as on a stick for other models: what is signed lists all of the channel
            raise NotThere(
                f"{place} holds nothing of {model}, which the channel has.", mend=f"{_NOTHING} Or take another copy."
            ) from error
        if pointer.model != model:
            raise Untrusted(f"{self._transport.place}: {path} is the pointer of `{pointer.model}`, expected `{model}`.")
        return pointer

    def release(self, model: str, named: Named) -> Release:
        """A release that a pointer names, as of the last look."""
        path = paths.release_path(model, named.bundle, named.number)
        try:
            remote = self._vouched(path)
        except NotThere as error:
            raise Untrusted(
                f"{self._transport.place}: the pointer names release {named.number} of {model}, "
                "which the release key has not signed."
            ) from error
        release = self._parsed(Release, remote, LARGEST_RELEASE)
        if (release.model, release.number, release.bundle) != (model, named.number, named.bundle):
            raise Untrusted(f"{self._transport.place}: {path} speaks of another release than its name.")
        return release

    def _pinned(self, pointer: Pointer) -> tuple[Release, ...]:
        """What pins lead to; one whose release is not there, or makes no sense, keeps no other from its work."""
        found: list[Release] = []
        for pin in pointer.pinned(self._device, self._site):
            try:
                release = self.release(pointer.model, pin.release)
            except (NotThere, Untrusted) as error:
                log.warning("A pin to release %d of %s leads nowhere: %s", pin.release.number, pointer.model, error)
                continue
            if release not in found:
                found.append(release)
        return tuple(found)

    def _vouched(self, path: str) -> Remote:
        """A file that the newest metadata lists."""
        updater = self._updater
        if updater is None:
            raise ChannelError("Nothing is known of the channel yet: look first.")
        with explained(self._transport.place, self._fetcher, updater):
            found = updater.get_targetinfo(path)
            if found is None:
                raise NotThere(f"{self._transport.place} lists no {path}.")
            return Remote(path, found.length, _digest(found, path))

    def _parsed(self, kind: type[T], remote: Remote, largest: int) -> T:
        try:
            return kind.model_validate_json(self._content(remote, largest))
        except (ValidationError, RecursionError) as error:
            detail = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise Untrusted(f"{self._transport.place}: {remote.path} is signed and makes no sense: {detail}") from error

    def _content(self, remote: Remote, largest: int) -> bytes:
        """A small file, which is not fetched again while it stays the same."""
        if remote.sha256 in self._small:
            return self._small[remote.sha256]
        path = paths.stored_path(remote.path, remote.sha256)
        if remote.size > largest:
            raise Untrusted(
                f"{self._transport.place}: {path} is too large: {remote.size:,} bytes, at most {largest:,}."
            )
        data = bounded(self._transport, path, remote.size)
        if len(data) < remote.size:
            raise TransferFailed(
                f"{self._transport.place}: {path} ended early: {len(data):,} of {remote.size:,} bytes."
            )
        if (found := sha256(data)) != remote.sha256:
            raise Untrusted(
                f"{self._transport.place}: {path} is damaged: expected sha256 {remote.sha256}, found {found}."
            )
        self._small = {**dict(list(self._small.items())[-KEPT:]), remote.sha256: data}
        return data


_NOTHING = "Look at the name of the model, and whether it was exported or released there."
KEPT = 15
"""How many small files are kept in memory between looks."""


def _digest(found: TargetFile, path: str) -> str:
    digest = found.hashes.get("sha256", "")
    if len(digest) != len(sha256(b"")) or set(digest) - set("0123456789abcdef"):
        raise Untrusted(f"{path} is listed without a sha256.")
    return digest
