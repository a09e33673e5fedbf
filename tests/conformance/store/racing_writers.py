"""Sixteen processes, each with a store of its own, bind the same keys at the same moments.

Argument: JSON with `store`, `s3` (settings), `keys`, `processes`. Prints for each key what every process offered and
what it was told is stored.
"""

import json
import multiprocessing
import os
import sys
from typing import TYPE_CHECKING, Any

from slipway.platform.settings import schema
from slipway.platform.store import open_store

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier

SECONDS = 60


def race(task: dict[str, Any], start: "Barrier", told: "Queue[tuple[str, str, str]]") -> None:
    store = open_store(schema.Store(**task["store"]), schema.S3(**task["s3"]))
    for key in task["keys"]:
        offered = f'{{"writer":{os.getpid()}}}'
        start.wait(SECONDS)
        told.put((key, offered, store.put_if_absent(key, offered.encode()).decode()))


def main() -> None:
    task = json.loads(sys.argv[1])
    forking = multiprocessing.get_context("fork")
    start, told = forking.Barrier(task["processes"]), forking.Queue()
    writers = [forking.Process(target=race, args=(task, start, told)) for _ in range(task["processes"])]
    for writer in writers:
        writer.start()
    outcomes = [told.get(timeout=SECONDS) for _ in range(len(writers) * len(task["keys"]))]
    for writer in writers:
        writer.join(SECONDS)
    json.dump({key: [outcome[1:] for outcome in outcomes if outcome[0] == key] for key in task["keys"]}, sys.stdout)


if __name__ == "__main__":
    main()
