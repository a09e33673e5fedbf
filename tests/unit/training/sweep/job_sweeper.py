"""Runs a sweep whose trials are jobs of a fake project, in a process that a test can kill.

python job_sweeper.py ROOT SNAPSHOT '{"trials": 3, "parallel": 2, "budget": "5", "person": "ada", "arguments": {}}'

Trial n is the fake work `trial-<n>`; `arguments` by number tell how it goes. The last line says what came of it.
"""

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from overseen.office import Office, join_office
from slipway.platform.jobs.api import Desk
from slipway.platform.jobs.submitting.placing import Placement
from slipway.platform.jobs.submitting.planning import Planned
from slipway.platform.jobs.submitting.starting import Request
from slipway.platform.models.finder import Model
from slipway.training.cli.sweep import CANCELLING, LEAVING, _stopping
from slipway.training.cli.sweep_progress import Told
from slipway.training.sweep.records import Records, Sweep
from slipway.training.sweep.running import Sweeping, overrides_of
from slipway.training.sweep.space import Listed, Space, described
from slipway.training.sweep.submitting import Submitting


def space_of(folder: Path) -> Space:
    """A hundred trials that can be."""
    return Space(Model("fake", folder, "fake"), (), (Listed("salt", tuple(map(str, range(100))), ordered=True),))


def sweep_of(space: Space) -> Sweep:
    """Its name."""
    return Sweep(model="fake", base="r1-x", space=tuple(map(described, space.dimensions)), metric="test/accuracy")


def planned(office: Office, texts: Sequence[str], arguments: dict[str, Any]) -> Planned:
    """A trial's work."""
    salt = texts[0].partition("=")[2]
    return office.planned(office.project.work(f"trial-{salt}", **arguments.get(salt, arguments.get("all", {}))))


def main(root: Path, snapshot: str, said: dict[str, Any]) -> int:
    office = join_office(root, snapshot)
    project = office.project
    desk = Desk(project.loaded, project.store, project.here)
    space = space_of(root)
    sweep = sweep_of(space)
    budget = Decimal(said["budget"]) if said.get("budget") else None
    records = Records(project.store, sweep)
    if said.get("retry"):
        records.forget_failures()
    jobs = Submitting(
        sweep.key, desk, Placement(target=said.get("target", "local"), budget=budget),
        lambda texts: planned(office, texts, said.get("arguments", {})),
        lambda: Request(said.get("person", "ada"), tags={"sweep": sweep.key}),
        Told().note, trials=said["trials"], parallel=said["parallel"], retry=said.get("retry", False),
        pause_seconds=0.05,
    )  # fmt: skip
    jobs.take_stock(records.trials(), records.outcomes(), lambda trial: overrides_of(trial.values))
    with _stopping(CANCELLING, LEAVING) as stop:
        sweeping = Sweeping(sweep, space, records, project.store, jobs, Told(), lambda _: None, stop)
        try:
            found = sweeping.run(said["trials"], said["parallel"])
        finally:
            jobs.close()
    ended = [one.outcome.model_dump(mode="json") if one.outcome else None for one in found]
    sys.stdout.write(json.dumps({"trials": ended, "cost": str(jobs.cost()), "short": jobs.short}) + "\n")
    return 130 if stop.requests else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])))
