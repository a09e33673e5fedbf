"""A runner in a process of its own, which a test may kill.

    python runner_process.py FOLDER [--mlflow] [--submitted] [--usual] [--clock SECONDS]

FOLDER holds `job.json`, `parts.json` and `project/`; how it ended is printed as JSON. `--submitted` makes the attempt
one of a launcher; `--usual` leaves the runner's rhythm as it is; `--clock` puts this process's wall clock off.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from slipway.platform.jobs.runner.attempt import Rhythm, Surroundings, run_attempt
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs.attempts import Attempt, Claimant, assign, begin, claim
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.presence import Presence
from slipway.platform.runs.records import Place
from slipway.platform.runs.standing import Here
from slipway.platform.runs.tracking.tracker import open_tracker
from slipway.platform.settings import load
from slipway.platform.store import Store, open_store


def main(folder: Path) -> None:
    job = JobSpec.model_validate_json((folder / "job.json").read_bytes())
    parts = Parts.model_validate_json((folder / "parts.json").read_bytes())
    project = folder / "project"
    given = {name: value for name, value in os.environ.items() if name.startswith("SLIPWAY_")}
    settings = load(project, {**given, "HOME": str(folder)}).settings
    store = open_store(settings.store, settings.s3)
    here = Here.at(project)
    place = Place(host=here.host, boot=here.boot, pid=os.getpid(), workplace=str(folder / "work"))
    digest = job.keep(store) if "--submitted" in sys.argv else ""
    claimant = Claimant(submitted_by="ada", name="first-try", place=place, created=datetime.now(UTC), job=digest)
    attempt = own(store, parts, job, claimant, here)
    tracker = (lambda: open_tracker(settings.mlflow, project)) if "--mlflow" in sys.argv else None
    rhythm = Rhythm() if "--usual" in sys.argv else Rhythm(beat=0.2, look=0.1, log=0.2)
    around = Surroundings(store, settings, tracker, patience=60, rhythm=rhythm)
    ran = run_attempt(job, attempt, around)
    sys.stdout.write(json.dumps({"outcome": ran.outcome.model_dump(mode="json"), "same": ran.same}))


def own(store: Store, parts: Parts, job: JobSpec, claimant: Claimant, here: Here) -> Attempt:
    if claimant.job:
        spec = assign(store, parts, claimant, here).spec
        assert spec is not None
        return begin(store, parts.key, spec.number, claimant.place, Presence(here.state, spec.nonce))
    attempt = claim(store, parts, claimant, here, again=job.fresh)
    if not isinstance(attempt, Attempt):
        sys.exit(f"not mine: {attempt.told()}")
    return attempt


def shift(seconds: float) -> None:
    """Put the wall clock off, for everything of ours in this process that asks for it."""
    real, usual = time.time, datetime

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return usual.now(tz) + timedelta(seconds=seconds)

    time.time = lambda: real() + seconds
    for name, module in list(sys.modules.items()):
        if name.startswith(("slipway.", "__main__")) and getattr(module, "datetime", None) is usual:
            vars(module)["datetime"] = Shifted


if __name__ == "__main__":
    if "--clock" in sys.argv:
        shift(float(sys.argv[sys.argv.index("--clock") + 1]))
    main(Path(sys.argv[1]))
