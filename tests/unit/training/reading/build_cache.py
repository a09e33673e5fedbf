"""Opens a cache in a process of its own: `build_cache.py SNAPSHOT FOLDER SIDE [--hold | --at-once | --room BYTES]`.

Prints one line of JSON for each block that it writes and one for the finished cache. With `--hold` it stops at the
first block until it is killed, with `--at-once` it says that it is ready and waits for a line, with `--room` no file
may grow larger.
"""

import hashlib
import json
import logging
import resource
import sys
from pathlib import Path

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import SlipwayError
from slipway.training.reading.cache import cached
from slipway.training.reading.source import Decoded, whole_images


def main(folder: Path, cache: Path, side: int, option: str, room: int) -> int:
    """Open the cache and tell about it."""
    logging.basicConfig(format="%(message)s")
    snapshot = Snapshot(folder)
    source = Decoded(snapshot, whole_images(snapshot, snapshot.index), (side, side))
    if room:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    def tell(done: int, blocks: int) -> None:
        say({"done": done, "blocks": blocks})
        if option == "--hold":
            sys.stdin.read()

    if option == "--at-once":
        say({"ready": True})
        sys.stdin.readline()
    try:
        opened = cached(source, cache, threads=1, progress=tell)
    except SlipwayError as error:
        sys.stderr.write(f"{error} {error.mend}\n")
        return error.exit_code
    say({"sha256": hashlib.sha256(opened.path.read_bytes()).hexdigest()})
    return 0


def say(line: object) -> None:
    """A line of JSON, at once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    first, second, third, *rest = sys.argv[1:]
    sys.exit(main(Path(first), Path(second), int(third), rest[0] if rest else "", int(rest[1]) if rest[1:] else 0))
