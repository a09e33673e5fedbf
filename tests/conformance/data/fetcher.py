"""Fetches a snapshot in a process of its own: waits for a line of input first, prints what happened as JSON at the end.

With `stop_after`, it prints a line when that many objects have come and then stands still until it is killed; so the
killer chooses the moment. With `hold`, it says "getting" at its first object and takes none before a second line of
input; so many can be made to want the same at once.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

from slipway.platform.data.fetch import fetch
from slipway.platform.data.remote import Remote
from slipway.platform.data.watching import Silent
from slipway.platform.settings import Settings

got: list[str] = []
notes: list[str] = []


class Notes(Silent):
    def note(self, text: str) -> None:
        notes.append(text)
        sys.stdout.write("waiting\n")
        sys.stdout.flush()


def main() -> None:
    task: dict[str, Any] = json.loads(sys.argv[1])
    plain = Remote.get
    stop_after = task.get("stop_after")
    released = threading.Event()
    announced = threading.Lock()

    def get(self: Remote, oid: str, target: Path, *more: Any) -> None:
        if task.get("hold"):
            if announced.acquire(blocking=False):
                sys.stdout.write("getting\n")
                sys.stdout.flush()
            released.wait()
        plain(self, oid, target, *more)
        if stop_after is not None and len(got) >= stop_after:
            target.write_bytes(target.read_bytes()[:-1])  # as a kill in the middle leaves it
            sys.stdout.write("stopped\n")
            sys.stdout.flush()
            threading.Event().wait()
        got.append(oid)

    def release() -> None:
        sys.stdin.readline()
        released.set()

    Remote.get = get  # type: ignore[method-assign,assignment]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    if task.get("hold"):
        threading.Thread(target=release, daemon=True).start()
    folder = fetch(task["digest"], Settings.model_validate(task["settings"]), watcher=Notes())
    sys.stdout.write(json.dumps({"folder": str(folder), "got": got, "notes": notes}) + "\n")


if __name__ == "__main__":
    main()
