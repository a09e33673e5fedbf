"""Bind the same work from several processes that start at the same moment: bind_at_once.py COUNT ROOT URI STORE KEY."""

import json
import multiprocessing
import sys
from multiprocessing.synchronize import Barrier
from pathlib import Path

from slipway.platform.runs.tracking.binding import Wanted, bind
from slipway.platform.runs.tracking.tracker import open_tracker
from slipway.platform.settings import schema
from slipway.platform.store import open_store


def run(barrier: Barrier, answers: "multiprocessing.SimpleQueue[str]", arguments: list[str]) -> None:
    root, uri, store, key = arguments
    tracker = open_tracker(schema.MLflow(tracking_uri=uri), Path(root))
    barrier.wait()
    found = bind(
        open_store(schema.Store(url=store), schema.S3()), tracker, Wanted(key, "vehicle-reid", "calm-heron", 1)
    )
    answers.put(found.run_id)


def main() -> None:
    count, *arguments = sys.argv[1:]
    if arguments[1].startswith("sqlite"):
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 - once, not in each process
    processes = multiprocessing.get_context("fork")
    barrier, answers = processes.Barrier(int(count)), processes.SimpleQueue()
    children = [processes.Process(target=run, args=(barrier, answers, arguments)) for _ in range(int(count))]
    for child in children:
        child.start()
    for child in children:
        child.join()
    sys.stdout.write(json.dumps([answers.get() for child in children if child.exitcode == 0]))


if __name__ == "__main__":
    main()
