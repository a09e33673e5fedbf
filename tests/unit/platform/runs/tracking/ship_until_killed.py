"""Ship a journal slowly enough to be killed on the way: ship_until_killed.py ROOT URI STORE KEY NUMBER PLACE.

Prints a line when the third batch has arrived and then waits in the next one.
"""

import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from slipway.platform.runs.tracking.described import describe
from slipway.platform.runs.tracking.mlflow_server import MLflowServer
from slipway.platform.runs.tracking.shipping import Shipper
from slipway.platform.runs.tracking.tracker import Point, open_tracker
from slipway.platform.runs.workplace import Workplace
from slipway.platform.settings import schema
from slipway.platform.store import open_store

BATCHES = 3


def main() -> None:
    root, uri, store_url, key, number, place = sys.argv[1:]
    store = open_store(schema.Store(url=store_url), schema.S3())
    tracker = open_tracker(schema.MLflow(tracking_uri=uri), Path(root))
    assert isinstance(tracker, MLflowServer)
    write, sent = tracker.write, []

    def write_slowly(run_id: str, points: Iterable[Point] = (), tags: Mapping[str, str] | None = None) -> None:
        write(run_id, points, tags)
        sent.append(len(list(points)))
        if sum(map(bool, sent)) == BATCHES:
            sys.stdout.write("now\n")
            sys.stdout.flush()
            threading.Event().wait()

    tracker.write = write_slowly  # type: ignore[method-assign]
    described = describe(store, key, int(number))
    shipper = Shipper(store, lambda: tracker, described, Workplace(Path(place)), pause=0.01, head_start=0)
    shipper.start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
