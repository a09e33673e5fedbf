"""Kill an introduction right after each call that changes a file, and introduce again each time.

Prints one JSON list: for each moment of death the call before it, what the folder of keys held then, and what the next
introduction made of it. Run with an empty folder as the argument.
"""

import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from slipway.platform.identity.introduction import introduce
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.identity.people_changes import Trust
from slipway.platform.identity.people_store import PeopleStore

CHANGES = {"mkdir", "open", "fchmod", "write", "flush", "fsync", "link", "unlink", "replace"}
NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)


def introduced(folder: Path) -> str:
    """Introduce ada in this folder, and give her keyid."""
    found = introduce(KeyRing(folder / "keys"), PeopleStore(folder / "people.toml"), Trust(name="ada"), NOW)
    assert found.trusted
    return found.key.keyid


def die_at(step: int, told: int) -> None:
    """Send this process SIGKILL after the n-th change; tell first which that is."""
    count = 0

    def watch(_frame: FrameType, event: str, call: object) -> None:
        nonlocal count
        name = getattr(call, "__name__", "")
        owner = type(getattr(call, "__self__", None)).__module__
        if event == "c_return" and name in CHANGES and (call.__module__ in {"posix", "_io"} or owner == "_io"):
            count += 1
            if count == step:
                os.write(told, name.encode())
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)


def killed(folder: Path, step: int) -> str:
    """Introduce in a child that dies at this moment; at which, or nothing if it came to its end."""
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        die_at(step, told)
        introduced(folder)
        os._exit(0)
    os.close(told)
    _, status = os.waitpid(child, 0)
    place = os.read(heard, 100).decode()
    os.close(heard)
    assert (os.WTERMSIG(status) == signal.SIGKILL) if place else status == 0
    return place


def main(root: Path) -> None:
    """Die at every moment in turn."""
    introduced(root / "first")  # whatever is imported late is imported now, not in each child
    report = []
    step = 1
    while True:
        folder = root / str(step)
        folder.mkdir()
        place = killed(folder, step)
        if not place:
            break
        ring = KeyRing(folder / "keys")
        before = [ring.load(name).public_key.keyid for name in ring.names()]
        after = introduced(folder)
        left = sorted(entry.name for entry in ring.folder.iterdir())
        report.append({"place": place, "before": before, "after": after, "left": left, "again": introduced(folder)})
        step += 1
    json.dump(report, sys.stdout)


main(Path(sys.argv[1]))
