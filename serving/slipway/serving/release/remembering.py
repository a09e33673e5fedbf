"""What this machine has seen of a channel, so that a channel that went back is told.

Devices remember for themselves and refuse an older state. Whoever signs reads the store as it is: where somebody put an
old copy in its place, everything in it holds. So the newest versions are kept in a small file in the project's cache.
It is trusted with nothing but a warning; where it is lost, it begins anew.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from slipway.platform.settings import Loaded
from slipway.serving.bundle.canonical import sha256
from slipway.serving.release.roles import ROOT, SNAPSHOT, TIMESTAMP
from slipway.serving.release.tuf_state import State

FOLDER: Final = "channels"


def went_back(loaded: Loaded, state: State) -> tuple[str, ...]:
    """In what the channel is older than it was here before; what is newer is remembered."""
    url = loaded.settings.channel.url
    file = loaded.settings.data.cache / FOLDER / f"{sha256(url.encode())[:16]}.json"
    first = sha256(state.roots[0].data)
    now = {ROOT: len(state.roots)} | {role: one.version for role, one in state.shown.items()}
    before = _read(file, first)
    if now[ROOT] > before.get(ROOT, 0):  # as devices do: what thieves of keys said that a root replaced counts no more
        before = {role: version for role, version in before.items() if role not in {SNAPSHOT, TIMESTAMP}}
    back = [role for role, version in sorted(before.items()) if now.get(role, 0) < version]
    newest = {role: max(now.get(role, 0), before.get(role, 0)) for role in now.keys() | before.keys()}
    _write(file, {"first_root": first, "versions": newest})
    if not back:
        return ()
    named = ", ".join(f"`{role}` {now.get(role, 0) or 'gone'} after {before[role]}" for role in back)
    told = (
        f"The channel at {url} went back: {named}. Devices that have seen the newer state refuse this one. Restore the "
        "files that were there, or find out who replaced them."
    )
    return (told,)


def _read(file: Path, first: str) -> dict[str, int]:
    try:
        found: Any = json.loads(file.read_bytes())
        versions = {str(role): int(version) for role, version in found["versions"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
    return versions if found.get("first_root") == first else {}


def _write(file: Path, content: Mapping[str, Any]) -> None:
    with contextlib.suppress(OSError):  # a cache that cannot be written warns of nothing
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.{os.getpid()}")
        part.write_text(json.dumps(content, sort_keys=True))
        part.replace(file)
