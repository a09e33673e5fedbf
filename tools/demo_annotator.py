"""People who label what devices saw at night, played: they know what is true, and err in three of a hundred pictures.

Each exports the task for Label Studio, answers these pictures, and gives the file back, as a person would with the
tool's own. The second one does not see what the first said: where the two agree a label counts as reviewed, where they
differ it is disputed and judges nobody.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo_company import MODEL, Company
from slipway.pipelines.labelling.devices import kept_pictures, shots
from slipway.pipelines.local.founding.cameras import truth_of
from slipway.pipelines.local.place import Place
from slipway.platform.settings import load

ERRORS: Final = 0.03
STATES: Final = ("free", "occupied")
NIGHT: Final = "night"


@dataclass(frozen=True)
class Labelled:
    """What one of them did."""

    pictures: int
    errors: int


def annotate(company: Company, task: str, author: str, folder: Path) -> Labelled:
    """Label what waits in a task and was seen at night, and hand it in to the branch for data."""
    out = folder / f"{task}-{author}"
    company.run("data", "label", "export", str(out), "--to", "labelstudio", "--task", task, "--blind", "--force")
    truth = seen_at(NIGHT, company)
    file = out / "tasks.json"
    tasks = json.loads(file.read_text())
    chance = random.Random(f"{task} {author}")  # noqa: S311 - errors that a person makes
    errors = 0
    known = [one for one in tasks if one["data"]["sample"] in truth]
    for one in known:
        said = truth[one["data"]["sample"]]
        if chance.random() < ERRORS:
            said, errors = STATES[1 - STATES.index(said)], errors + 1
        one["annotations"] = [submitted(said, author)]
    file.write_text(json.dumps(known))
    company.run("data", "label", "import", str(file), "--from", "labelstudio", "--author", author, "--task", task,
                "--light", NIGHT, "--legal-basis", "synthetic", "--split", "train", "--branch", "--yes")  # fmt: skip
    return Labelled(len(known), errors)


def submitted(state: str, author: str) -> Mapping[str, object]:
    """An annotation as Label Studio writes it."""
    result = {"type": "choices", "from_name": "category", "to_name": "image", "value": {"choices": [state]}}
    return {"completed_by": {"email": author}, "result": [result]}


def seen_at(light: str, company: Company) -> Mapping[str, str]:
    """What the rendered cameras know to be true of each picture in this light that a device kept, by sample."""
    loaded = load(company.root, company.environ)
    place = Place(company.root, company.environ)
    found = {}
    for shot in shots(loaded, {one.decision for one in kept_pictures(loaded, MODEL)}):
        kept = shot.kept
        truth = truth_of(place, kept.device, str(kept.told.get("stream")), kept.taken)
        if truth is not None and truth.light == light:
            found[shot.sample] = truth.state
    return found
