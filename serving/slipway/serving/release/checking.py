"""Everything that a device could read from a channel, read and held against its signatures.

`problems` names each thing that is wrong, not only the first. A device reads the pointers of its models and the two
releases that each names; what older releases lie there is held against the list as well, because it is the way back.
"""

import hashlib
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from slipway.platform.identity import People
from slipway.platform.store.errors import StoreError
from slipway.serving.channel.client import ChannelClient
from slipway.serving.channel.errors import ChannelError
from slipway.serving.channel.paths import SITES, pointer_path, stored_path
from slipway.serving.channel.transport import NotThere
from slipway.serving.release.agreeing import senseless_drafts
from slipway.serving.release.inspecting import (
    ChannelStanding,
    keys_of,
    names_of,
    roots_left,
    senseless_in,
    standing_of,
    state_of,
)
from slipway.serving.release.metering import Meter
from slipway.serving.release.places import StoreTransport
from slipway.serving.release.roles import CHANNELS, HOLDERS, MODELS
from slipway.serving.release.tuf_files import BadChannel
from slipway.serving.release.tuf_repository import TufRepository
from slipway.serving.release.tuf_state import State

NOBODY: Final = "none"
"""The channel is looked at also where it leads no model."""
SHA256: Final = re.compile(r"[0-9a-f]{64}")


def problems(repository: TufRepository, *, now: datetime, meter: Meter) -> Iterator[str]:
    """What is wrong, a sentence each."""
    try:
        state = state_of(repository)
        standing = standing_of(repository)
    except BadChannel as error:
        yield str(error)
        return
    yield from _times(standing, now)
    yield from _keys(repository.people, state)
    for role in HOLDERS:
        yield from (
            f"{name} has a signature that does not hold, and counts for nothing." for name in _skipped(state, role)
        )
    if not standing.whole:
        yield "Devices see nothing yet: not everything was signed."
        return
    yield from _looks(repository, state, now)
    yield from (
        f"What is listed as {path} cannot be believed: it is missing, altered, or makes no sense. `slipway channel "
        "keepalive`, where the key of `channels` and the ledger are, makes it anew or leaves it out."
        for path in senseless_in({**repository.pointers(), **repository.sites()})
    )
    yield from (
        f"drafts/{version}.{role}.json is no draft, and is in the way of one: `slipway channel sign --discard`."
        for role, version in senseless_drafts(repository, state)
    )
    yield from roots_left(state)
    yield from _files(repository, state, meter)


def _skipped(state: State, role: str) -> tuple[str, ...]:
    return state.newest(role).skipped


def _times(standing: ChannelStanding, now: datetime) -> Iterator[str]:
    for one in standing.roles:
        if one.over(now):
            yield (
                f"`{one.role}` {one.version} ended at {one.good_until:%Y-%m-%d %H:%M} UTC: devices install nothing "
                f"until {' or '.join(one.holders)} renews it."
            )


def _keys(people: People, state: State) -> Iterator[str]:
    """Keys that the people file no longer trusts in their role."""
    for role in HOLDERS:
        for keyid in keys_of(state, role)[0]:
            held = people.holder(keyid)
            name = names_of(people, [keyid])[0]
            if held is None:
                yield f"`{role}` is held by {name}."
            elif not held[1].trusted_now():
                yield f"`{role}` is held by a key of {name} that was revoked: `slipway channel rotate-key {role}`."
            elif HOLDERS[role] not in held[0].roles:
                yield f"`{role}` is held by {name}, who is no {HOLDERS[role]} any more."


def _looks(repository: TufRepository, state: State, now: datetime) -> Iterator[str]:
    """What a device that was enrolled with the first root sees of each model."""
    transport = StoreTransport(repository.store)
    with tempfile.TemporaryDirectory(prefix="slipway-verify-") as trust:
        client = ChannelClient(Path(trust), transport, state.roots[0].data)
        listed = sorted(state.shown[CHANNELS].signed.targets)
        paths = [path for path in listed if not path.startswith(SITES)]
        senseless = {path for path, pointer in repository.pointers().items() if pointer is None}
        for path in [path for path in paths if path not in senseless] or [pointer_path(NOBODY)]:
            model = path.removeprefix("channels/").removesuffix(".json")
            try:
                look = client.look(model, now=now)
                for release in filter(None, (look.base, look.target)):
                    client.manifest(release)
            except NotThere as error:
                if model != NOBODY:
                    yield f"{model}: {error}"
            except ChannelError as error:
                yield f"{model}: {error}" if model != NOBODY else str(error)
        for path, pointer in repository.sites().items():
            if pointer is not None and path in listed:
                yield from _site_look(client, pointer.site, now)


def _site_look(client: ChannelClient, site: str, now: datetime) -> Iterator[str]:
    """What a device of the site reads, once a look has shown it the channel."""
    try:
        client.site(site, now=now)
    except ChannelError as error:
        yield f"site {site}: {error}"


def _files(repository: TufRepository, state: State, meter: Meter) -> Iterator[str]:
    """Each file that is listed, by length and digest."""
    listed = {**state.shown[MODELS].signed.targets, **state.shown[CHANNELS].signed.targets}
    meter.expect("reading", sum(one.length for one in listed.values()))
    transport = StoreTransport(repository.store)
    for path, target in sorted(listed.items()):
        expected = target.hashes.get("sha256", "")
        if not SHA256.fullmatch(expected):
            yield f"{path} is listed without a sha256."
            continue
        stored = stored_path(path, expected)
        digest, size = hashlib.sha256(), 0
        try:
            for piece in transport.open(stored):
                digest.update(piece)
                size += len(piece)
                meter.advance(len(piece))
        except NotThere:
            yield f"{stored} is not there."
            continue
        except (ChannelError, StoreError) as error:
            yield str(error)
            continue
        if (size, digest.hexdigest()) != (target.length, expected):
            yield (
                f"{stored} is damaged: expected {target.length:,} bytes with that sha256, found {size:,} with "
                f"{digest.hexdigest()}."
            )
