"""A runner in a process of its own, which a test may kill: `python runner_process.py FOLDER [--mlflow]`.

FOLDER holds `job.json`, `parts.json` and `project/`; how it ended is printed as JSON.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from slipway.platform.jobs.runner.attempt import Surroundings, run_attempt
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs.attempts import Attempt, Claimant, claim
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Place
from slipway.platform.runs.standing import Here
from slipway.platform.runs.tracking.tracker import open_tracker
from slipway.platform.settings import load
from slipway.platform.store import open_store


def main(folder: Path) -> None:
    job = JobSpec.model_validate_json((folder / "job.json").read_bytes())
    parts = Parts.model_validate_json((folder / "parts.json").read_bytes())
    project = folder / "project"
    settings = load(project, {"HOME": str(folder)}).settings
    store = open_store(settings.store, settings.s3)
    here = Here.at(project)
    place = Place(host=here.host, boot=here.boot, pid=os.getpid(), workplace=str(folder / "work"))
    claimant = Claimant(submitted_by="ada", name="first-try", place=place, created=datetime.now(UTC))
    attempt = claim(store, parts, claimant, here, again=job.fresh)
    if not isinstance(attempt, Attempt):
        sys.exit(f"not mine: {attempt.told()}")
    tracker = (lambda: open_tracker(settings.mlflow, project)) if "--mlflow" in sys.argv else None
    around = Surroundings(store, settings, tracker, patience=60)
    ran = run_attempt(job, attempt, around)
    sys.stdout.write(json.dumps({"outcome": ran.outcome.model_dump(mode="json"), "same": ran.same}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
