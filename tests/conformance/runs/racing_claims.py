"""Many processes claim the same work at the same moment; prints what each was told.

Argument: JSON with `store`, `s3` (settings), `parts`, `state`, `processes`, `hosts`. The owner holds its attempt until
all have been told.
"""

import json
import multiprocessing
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.platform.runs.attempts import Attempt, Claimant, claim
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.presence import boot_id
from slipway.platform.runs.records import Place
from slipway.platform.runs.standing import Here
from slipway.platform.settings import schema
from slipway.platform.store import open_store

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier

SECONDS = 60


def race(number: int, task: dict[str, Any], start: "Barrier", end: "Barrier", told: "Queue[dict[str, Any]]") -> None:
    store = open_store(schema.Store(**task["store"]), schema.S3(**task["s3"]))
    host = f"host-{number % task['hosts']}"
    here = Here(host, boot_id(), Path(task["state"]) / host)
    place = Place(host=host, boot=here.boot, pid=os.getpid(), workplace="nowhere")
    claimant = Claimant(submitted_by=str(number), name="x", place=place, created=datetime(2026, 11, 20, tzinfo=UTC))
    start.wait(SECONDS)
    found = claim(store, Parts.model_validate(task["parts"]), claimant, here)
    owner = isinstance(found, Attempt)
    told.put({"owner": owner, "by": found.spec and found.spec.submitted_by, "number": found.number})
    end.wait(SECONDS)


def main() -> None:
    task = json.loads(sys.argv[1])
    forking = multiprocessing.get_context("fork")
    start, end = forking.Barrier(task["processes"]), forking.Barrier(task["processes"])
    told: Queue[dict[str, Any]] = forking.Queue()
    racers = [
        forking.Process(target=race, args=(number, task, start, end, told)) for number in range(task["processes"])
    ]
    for racer in racers:
        racer.start()
    found = [told.get(timeout=SECONDS) for _ in racers]
    for racer in racers:
        racer.join(SECONDS)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
