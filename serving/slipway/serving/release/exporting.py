"""A channel in a folder, such as a USB stick: what devices of some models and classes need, under the same signatures.

Everything comes through the device's own client, so nothing gets onto a stick that a device would refuse, and all of it
is one state, whoever changes the channel meanwhile. How it is written is `export_folder`'s.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.serving.bundle.canonical import sha256
from slipway.serving.bundle.manifest import GOLDEN, Manifest
from slipway.serving.channel.client import ChannelClient
from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.looking import Look, Remote
from slipway.serving.channel.paths import METADATA
from slipway.serving.channel.release import Release
from slipway.serving.channel.transport import NotThere, Transport
from slipway.serving.release.export_folder import ExportFolder
from slipway.serving.release.metering import Meter

FIRST_ROOT: Final = f"{METADATA}/1.root.json"


@dataclass(frozen=True)
class Wanted:
    """What a folder is for; nothing named means all there is."""

    models: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    """Whose configurations come along; all that the channel has."""


@dataclass(frozen=True)
class Carried:
    """A release that the folder holds."""

    model: str
    number: int
    bundle: str
    classes: tuple[str, ...]
    """The device classes that find all they need; those that were asked for, or all of the bundle."""
    on_its_way: bool = False
    """Whether it is the target."""
    pinned: tuple[str, ...] = ()
    """The devices and sites that are pinned to it."""

    @property
    def why(self) -> str:
        """Why it is there, where it is not everybody's."""
        pinned = f"pinned: {', '.join(self.pinned)}" if self.pinned else ""
        return ", ".join(filter(None, ("on its way" if self.on_its_way else "", pinned)))


@dataclass(frozen=True)
class Plan:
    """One state of the channel, as far as it is wanted."""

    place: str
    first_root: bytes
    carried: tuple[Carried, ...]
    good_until: datetime
    small: dict[str, bytes]
    """By path: metadata, pointers, releases, manifests."""
    large: tuple[Remote, ...]
    """The other files of the bundles."""
    sites: tuple[str, ...] = ()
    """Whose configurations are there, too."""

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return sum(map(len, self.small.values())) + sum(one.size for one in self.large)

    @property
    def files(self) -> int:
        """How many files it is."""
        return len(self.small) + len(self.large)


def plan(source: Transport, models: Iterable[str], wanted: Wanted, *, now: datetime) -> Plan:
    """What would lie in the folder; all but the large files is read and verified."""
    kept = _Kept(source)
    first = b"".join(kept.open(FIRST_ROOT))
    chosen = _named(wanted.models, sorted(models), "The channel has no model")
    if not chosen:
        raise WrongUse(
            f"The channel at {source.place} has no release yet.", mend="`slipway rollout start MODEL` makes one."
        )
    with tempfile.TemporaryDirectory(prefix="slipway-export-") as trust:
        client = ChannelClient(Path(trust), kept, first)
        looks = [client.look(model, now=now) for model in chosen]
        sites = tuple(site for site in wanted.sites if client.site(site, now=now))
        bundles = [
            (look, release, client.manifest(release)[0])
            for look in looks
            for release in _releases(client, look, now=now)
        ]
        known = sorted({name for _, _, manifest in bundles for name in manifest.devices})
        classes = _named(wanted.classes, known, "No release in the channel is for the device class")
        carried = tuple(_carried(look, release, manifest, classes, now) for look, release, manifest in bundles)
        large = {
            remote.path: remote
            for _, release, manifest in bundles
            for remote in client.files(release, _names(manifest, classes))
        }
    good_until = min(look.good_until for look in looks)
    return Plan(source.place, first, carried, good_until, kept.files, tuple(large.values()), sites)


def write(plan: Plan, source: Transport, folder: Path, *, now: datetime, meter: Meter) -> None:
    """Bring the folder to that state, and look at it as a device does."""
    place = ExportFolder(folder, plan.first_root)
    place.write(source, plan.small, plan.large, meter)
    with tempfile.TemporaryDirectory(prefix="slipway-export-") as trust:
        client = ChannelClient(Path(trust), FolderTransport(folder), plan.first_root)
        for model in sorted({one.model for one in plan.carried}):
            for release in _releases(client, client.look(model, now=now), now=now):
                client.manifest(release)
        for site in plan.sites:
            client.site(site, now=now)
    place.note(readme(plan, now))


def readme(plan: Plan, now: datetime) -> str:
    """What whoever carries the folder should know."""
    lines = [
        f"{one.model}: release {one.number}{', ' * bool(one.why)}{one.why}, for "
        f"{', '.join(one.classes) or 'none of the classes that were asked for'}"
        for one in plan.carried
    ]
    return "\n".join(
        [
            f"A copy of the channel at {plan.place}, made {now:%Y-%m-%d %H:%M} UTC.",
            f"Devices install from it until {plan.good_until:%Y-%m-%d %H:%M} UTC, and not after that.",
            "",
            *lines,
            "",
            "On an enrolled device:",
            "",
            "    slipway-edge install /path/to/this/folder",
            "",
            "The device makes the same checks as over a network: changed files are refused. Nothing here is secret.",
            "A device that is to be enrolled learns the channel's root from somebody who is trusted, not from here;",
            f"the first one has the sha256 {sha256(plan.first_root)}.",
            "",
        ]
    )


def _releases(client: ChannelClient, look: Look, *, now: datetime) -> Iterator[Release]:
    """All that devices may be told to run: the base, the target, and what pins lead to that hold."""
    yield from (release for release in (look.base, look.target) if release is not None)
    pointer = look.pointer
    told = {pointer.base, pointer.target}
    yield from (
        client.release(pointer.model, named)
        for named in dict.fromkeys(pin.release for pin in pointer.pins if pin.until > now)
        if named not in told
    )


def _named(names: Sequence[str], known: Sequence[str], wrong: str) -> tuple[str, ...]:
    """The names that were asked for, or all."""
    for name in names:
        if name not in known:
            raise WrongUse(f"{wrong} `{name}`.", mend=suggestion(name, known))
    return tuple(dict.fromkeys(names)) or tuple(known)


def _carried(look: Look, release: Release, manifest: Manifest, classes: Sequence[str], now: datetime) -> Carried:
    found = tuple(name for name in sorted(manifest.devices) if name in classes)
    pinned = tuple(
        f"device {pin.device}" if pin.device else f"site {pin.site}"
        for pin in look.pointer.pins
        if pin.until > now and pin.release.number == release.number
    )
    on_its_way = release is look.target
    return Carried(release.model, release.number, release.bundle, found, on_its_way=on_its_way, pinned=pinned)


def _names(manifest: Manifest, classes: Sequence[str]) -> tuple[str, ...]:
    """The files that these classes need, without the manifest."""
    devices = [device for name, device in manifest.devices.items() if name in classes]
    needed = {manifest.variants[variant].file for device in devices for variant in device.variants}
    return tuple(name for name in manifest.files if name in needed or name == GOLDEN or name.endswith(".json"))


class _Kept:
    """A channel at one moment: what was read once stays as it was, also that there is no newer root."""

    def __init__(self, source: Transport) -> None:
        self._source = source
        self._missing: set[str] = set()
        self.files: dict[str, bytes] = {}

    @property
    def place(self) -> str:
        return self._source.place

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        if path in self._missing:
            raise NotThere(f"{self.place} has no {path}.")
        if path in self.files:
            yield self.files[path][start:]
            return
        if start:
            raise ValueError("Only whole files are kept.")
        pieces: list[bytes] = []
        try:
            for piece in self._source.open(path):
                pieces.append(piece)
                yield piece
        except NotThere:
            self._missing.add(path)
            raise
        self.files[path] = b"".join(pieces)
