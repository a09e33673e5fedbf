"""Many processes register the same bundle at the same moment; prints what each was told.

Argument: JSON with `root`, `uri` (the project), `bundle` (its name), `processes`.
"""

import json
import multiprocessing
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2] / "partners"))

from releasing import Site
from slipway.platform.errors import SlipwayError
from slipway.platform.registry.versions import Registration, register

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier

IMPORTED = (
    "mlflow.models", "mlflow.store.artifact.artifact_repository_registry",
    "mlflow.store.model_registry.sqlalchemy_store", "mlflow.store.tracking.sqlalchemy_store",
)  # fmt: skip
"""What takes seconds to import: once, before the fork."""
SECONDS = 240


def race(site: Site, wanted: Registration, start: "Barrier", told: "Queue[dict[str, Any]]") -> None:
    desk = site.desk("finn")
    start.wait(SECONDS)
    try:
        done = register(desk, wanted)
        told.put({"number": done.record.number, "nonce": done.record.nonce})
    except SlipwayError as error:
        told.put({"number": repr(error), "nonce": ""})


def main() -> None:
    for module in IMPORTED:
        import_module(module)
    task = json.loads(sys.argv[1])
    site = Site(Path(task["root"]), task["uri"])
    wanted = site.registration(site.bundle(task["bundle"], run=task["run"]))
    forking = multiprocessing.get_context("fork")
    start = forking.Barrier(task["processes"])
    told: Queue[dict[str, Any]] = forking.Queue()
    racers = [forking.Process(target=race, args=(site, wanted, start, told)) for _ in range(task["processes"])]
    for racer in racers:
        racer.start()
    found = [told.get(timeout=SECONDS) for _ in racers]
    for racer in racers:
        racer.join(SECONDS)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
