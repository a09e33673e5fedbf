"""Making a machine a device: everything is looked at first, then written, `device.json` last.

So whoever is killed meanwhile has enrolled nothing, and does it again. The key is made here, or by `fleet.joining` if
the fleet service is asked first, and never leaves; the fleet service learns its public half.
"""

import re
import shutil
import socket
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from securesystemslib.exceptions import Error as SignatureError
from securesystemslib.exceptions import KeyMismatchError
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root

from slipway.serving.bundle.canonical import sha256
from slipway.serving.bundle.reading import read_plain
from slipway.serving.channel.fetcher import bounded
from slipway.serving.channel.limits import LARGEST_ROOT
from slipway.serving.channel.looking import Channel
from slipway.serving.channel.paths import METADATA
from slipway.serving.channel.transport import NotThere, Transport
from slipway.serving.edge.configuration import DEVICE, KEY, Enrolment, Home, Network, root_name
from slipway.serving.edge.salvaging import Before, salvaged
from slipway.serving.edge.unfit import unfit
from slipway.serving.errors import SlipwayError, WrongUse

NOBODY: Final = "0" * 64
FIRST_ROOT: Final = f"{METADATA}/1.root.json"
MADE: Final = ("trust", "models")
"""What the agent makes in the folder, and what another root or another class makes worthless."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    channel: str
    device_class: str
    models: tuple[str, ...]
    id: str | None = None
    cohorts: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    """Sections of `device.json` other than the defaults."""


def root_from_file(path: Path) -> bytes:
    """The root metadata that somebody handed over."""
    data = read_plain(path, LARGEST_ROOT)
    _check_root(data, str(path))
    return data


def root_by_digest(transport: Transport, digest: str) -> bytes:
    """The channel's first root metadata, which must have the digest that somebody told."""
    if not re.fullmatch("[0-9a-fA-F]{64}", digest):
        raise WrongUse(f"--root-sha256 is no sha256: {digest}", mend="It has 64 digits from 0 to 9 and a to f.")
    data = bounded(transport, FIRST_ROOT, LARGEST_ROOT)
    if (found := sha256(data)) != digest.lower():
        raise SlipwayError(
            f"The root metadata at {transport.place} has the sha256 {found}, expected {digest.lower()}.",
            mend="Ask whoever looks after the channel: either the number or the channel is not theirs.",
        )
    _check_root(data, f"{FIRST_ROOT} at {transport.place}")
    return data


def _check_root(data: bytes, place: str) -> None:
    """Root metadata that its own keys have signed; whether it has expired is for who looks at the channel."""
    try:
        found = Metadata[Root].from_bytes(data)
        found.signed.verify_delegate(Root.type, found.signed_bytes, found.signatures)
    except (
        RepositoryError,
        SignatureError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        RecursionError,
    ) as error:
        raise WrongUse(
            f"{place} is no root metadata: {error}.", mend="It is `metadata/1.root.json` of the channel."
        ) from None


def check_wanted(wanted: Wanted, now: datetime) -> None:
    """Refuse names and numbers that no device can have, before anybody is asked."""
    _enrolment(wanted, NOBODY, now, "unnamed", NOBODY)


def check_place(place: str) -> str:
    """A channel's address as it is kept; folders by their full path."""
    if "://" in place:
        return place.rstrip("/")
    return str(Path(place).expanduser().absolute())


def check_channel(transport: Transport, root: bytes, wanted: Wanted, now: datetime) -> tuple[str, ...]:
    """Look at each model with trust that is thrown away again; what is worth knowing, a sentence each."""
    from slipway.serving.channel.client import ChannelClient

    with tempfile.TemporaryDirectory(prefix="slipway-edge-") as trust:
        channel = ChannelClient(Path(trust), transport, root)
        return tuple(filter(None, (_remark(channel, model, wanted, now) for model in wanted.models)))


def check_fleet(wanted: Wanted, root: bytes, network: Network, now: datetime) -> tuple[str, ...]:
    """The same where the fleet service said what it is: its token is used by now, so all is a remark."""
    from slipway.serving.edge.reaching import transport_of

    _check_root(root, "What the fleet service gave")
    try:
        return check_channel(transport_of(wanted.channel, network), root, wanted, now)
    except (SlipwayError, OSError) as error:
        return (f"The channel cannot be followed yet: {error}",)


def _remark(channel: Channel, model: str, wanted: Wanted, now: datetime) -> str | None:
    """A class that a model's release is not for is refused."""
    try:
        look = channel.look(model, now=now)
    except NotThere:
        return f"The channel says nothing of {model} yet."
    release = look.target or look.base
    if release is None:
        return f"The channel has no release of {model} yet."
    manifest, _ = channel.manifest(release)
    _check_class(manifest.devices, wanted.device_class, model)
    return None


def _check_class(known: Iterable[str], wanted: str, model: str) -> None:
    names = sorted(known)
    if wanted not in names:
        raise WrongUse(
            f"{model} is not made for the device class {wanted}; its release is for {', '.join(names)}.",
            mend="Name one of these with --class, or have the model's declaration name this class and export it again.",
        )


def enrol(
    home: Home,
    wanted: Wanted,
    root: bytes,
    now: datetime,
    *,
    again: bool,
    start_over: bool,
    signer: CryptoSigner | None = None,
) -> Enrolment:
    """Write who this device is. The folder must be held by the caller; `signer` is a key that is its own already."""
    before = who_before(home, again=again)
    if before is None:
        signer = signer or CryptoSigner.generate_ed25519()
        public = str(signer.public_key.keyval["public"])
    else:
        public = before.public_key
    name = (before.id if before else None) or default_id(socket.gethostname(), public)
    enrolment = _enrolment(wanted, sha256(root), now, name, public)
    if before is not None and not start_over and _useless(before, enrolment):
        raise WrongUse(
            f"The device {name} was enrolled with another root or as another class "
            f"({before.device_class or 'which is not known'}); what is installed is of no use then.",
            mend="--start-over forgets the installed models and what was trusted.",
        )
    if before is None and signer is not None:
        home.write(KEY, signer.private_bytes)
    if start_over:
        for made in filter(Path.is_dir, (home.folder / name for name in MADE)):
            shutil.rmtree(made)
    home.write(root_name(enrolment.root), root)
    home.write(DEVICE, enrolment.to_bytes())
    for path in home.folder.glob("root.*.json"):
        if path.name != root_name(enrolment.root):
            path.unlink()
    return enrolment


def who_before(home: Home, *, again: bool) -> Before | None:
    """Who this device is until now; None where it is none. Only who says --again has it changed, or written anew."""
    try:
        found = home.find()
    except WrongUse:
        raise
    except SlipwayError as damage:
        if not again:
            raise
        return salvaged(home, damage)
    if found is None:
        return None
    if not again:
        raise WrongUse(
            f"{home.folder} is the device {found.id} already, enrolled {found.enrolled_at:%Y-%m-%d}.",
            mend="--again changes what it follows; it stays the same device with the same key.",
        )
    _check_key(home, found)
    return Before(found.public_key, found.id, found.device_class, found.root)


def lost(home: Home) -> str | None:
    """What is lost when `device.json` is written anew because nobody can read it; None where it can be read."""
    try:
        home.find()
    except WrongUse:
        raise
    except SlipwayError as damage:
        return (
            f"{damage} It was written anew, for the same key; what stood in it and was not named now is lost: "
            "other models, cohorts, polling, budget, network and probation."
        )
    return None


def _useless(before: Before, now: Enrolment) -> bool:
    """What nobody knows any more is found out by who verifies what is installed."""
    return before.root not in {None, now.root} or before.device_class not in {None, now.device_class}


def _check_key(home: Home, before: Enrolment) -> None:
    """The key must be the device's."""
    public = SSlibKey("own", "ed25519", "ed25519", {"public": before.public_key})
    try:
        CryptoSigner.from_priv_key_uri(f"file2:{home.key}", public)
    except (OSError, ValueError, TypeError, KeyMismatchError) as error:
        raise SlipwayError(
            f"{home.key} is not the key of the device {before.id}: {error}",
            mend=f"Bring it back, or remove {home.folder / DEVICE} as well: then this becomes another device.",
        ) from None


def _enrolment(wanted: Wanted, root: str, now: datetime, name: str, public: str) -> Enrolment:
    try:
        return Enrolment.model_validate(
            {
                "id": wanted.id or name,
                "device_class": wanted.device_class,
                "cohorts": wanted.cohorts,
                "channel": wanted.channel,
                "models": wanted.models,
                "enrolled_at": now,
                "public_key": public,
                "root": root,
                **wanted.more,
            }
        )
    except ValidationError as error:
        raise unfit(error) from None


def default_id(host: str, public: str) -> str:
    """The machine's name and the beginning of its key's digest: two machines with one name are two devices."""
    plain = re.sub("[^a-z0-9]+", "-", host.partition(".")[0].lower()).strip("-")[:50].strip("-")
    return "-".join(filter(None, (plain, sha256(bytes.fromhex(public))[:8])))
