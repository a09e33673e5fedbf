"""Somebody who asks for work, in a process of its own: `python asking_process.py FOLDER`.

FOLDER holds `job.json`, `parts.json`, `archive/` and `project/`; what came of it is printed as JSON.
"""

import json
import sys
from pathlib import Path

from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.submitting.planning import Planned, Subject
from slipway.platform.jobs.submitting.snapshots import Named
from slipway.platform.jobs.submitting.starting import Request, bring_about
from slipway.platform.runs.code.closure import Code
from slipway.platform.runs.parts import Parts
from slipway.platform.settings import load


def main(folder: Path) -> None:
    job = JobSpec.model_validate_json((folder / "job.json").read_bytes())
    parts = Parts.model_validate_json((folder / "parts.json").read_bytes())
    model = Subject(job.model, job.package)
    code = Code(parts.code, {one.path: folder / "archive" / one.path for one in parts.code})
    planned = Planned(model, parts, code, job.config, Named(parts.snapshot), arguments=job.arguments, module=job.module)
    sys.stdin.readline()  # until all of them are there
    loaded = load(folder / "project", {"HOME": str(folder)})
    brought = bring_about(planned, Request("ada"), loaded)
    sys.stdout.write(json.dumps({"how": brought.how, "name": brought.name, "state": brought.state.value}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
