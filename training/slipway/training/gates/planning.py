"""Naming the evaluation of a bundle: the same bundle on the same snapshot with the same code is one piece of work.

Its references are the bundle's own files, so the runner makes the bundle's folder anywhere, and where they are known
the weights behind it. Its config says what is asked, and how the model's task looks at the data: as the run's own
config says for a bundle of ours, as the model's composed default says for one from elsewhere.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.canonical import canonical
from slipway.platform.jobs.submitting.planning import OURS, Planned, Subject, lock_of
from slipway.platform.models.finder import DECLARATION, Model
from slipway.platform.registry.bundles import MANIFEST, Kept
from slipway.platform.runs.code.closure import Code, Roots, closure
from slipway.platform.runs.find import load_parts
from slipway.platform.runs.layout import RESULTS
from slipway.platform.runs.making import parts_of
from slipway.platform.runs.references import Reference
from slipway.platform.store import ObjectMissing, Store, blob_key
from slipway.training.gates.records import ASKED, TASK, WEIGHTS, Asked, Device, Disturbance

if TYPE_CHECKING:
    from slipway.platform.jobs.submitting.snapshots import Named
    from slipway.platform.models.schema import Declaration
    from slipway.platform.settings import Loaded

KIND: Final = "evaluate"
MODULE: Final = "slipway.training.gates.main"
CHECKS: Final = (
    "slipway.training.gates.judging",
    "slipway.training.gates.comparing",
    "slipway.training.gates.lineages",
    "slipway.training.gates.validations",
)
"""What decides besides the evaluation: the checks, and what finds the facts that they look at."""
TRAINER: Final = {"accelerator": "cpu", "processes": 1, "threads": 1}


@dataclass(frozen=True)
class Candidate:
    """A bundle with the folder that it lies in and the model that it is of."""

    kept: Kept
    folder: Path
    model: Model

    @property
    def digest(self) -> str:
        """The bundle's name."""
        return self.kept.digest

    @property
    def lineage(self) -> Mapping[str, Any]:
        """Where the weights came from, as the manifest says it."""
        found: Mapping[str, Any] = self.kept.manifest["lineage"]
        return found


def plan_evaluation(candidate: Candidate, named: "Named", loaded: "Loaded", store: Store) -> Planned:
    """Name the work of evaluating a bundle on a snapshot."""
    model, code = candidate.model, code_of(candidate.model)
    references = references_of(candidate, store)
    config: dict[str, Any] = {
        "kind": KIND,
        "trainer": dict(TRAINER),
        ASKED: asked_of(model.declaration).model_dump(mode="json"),
        TASK: task_config(candidate, store),
    }
    view = model.declaration.data.view
    parts = parts_of(
        model=model.name, snapshot=named.digest, view=view, code=code, config=config,
        lock=lock_of(model, loaded.root), references=references,
    )  # fmt: skip
    return Planned(Subject.of(model), parts, code, config, named, references, kind=KIND, module=MODULE)


def asked_of(declaration: "Declaration") -> Asked:
    """What the model's gates need to know."""
    return Asked(
        disturbances=tuple(
            Disturbance(distortion=one.distortion, strength=one.strength) for one in declaration.gates.robustness
        ),
        devices={
            name: Device(runtime=one.runtime, variants=one.variants, batch=one.batch)
            for name, one in declaration.devices.items()
        },
    )


def task_config(candidate: Candidate, store: Store) -> dict[str, Any]:
    """How the model's task looks at the data."""
    key = candidate.lineage.get("run_key")
    if key is not None:
        return dict(load_parts(store, str(key)).config)
    from slipway.training.config.build import without_runtime
    from slipway.training.config.compose import compose

    return {name: one for name, one in without_runtime(compose(candidate.model).config).items() if name != "references"}


def references_of(candidate: Candidate, store: Store) -> dict[str, Reference]:
    """The bundle's files, and the weights behind it where the store has them."""
    given = f"bundle:{candidate.digest}"
    found = {name: Reference(given, file.sha256) for name, file in candidate.kept.files.items()}
    found[MANIFEST] = Reference(given, candidate.digest, file=candidate.folder / MANIFEST)
    weights = candidate.lineage.get("weights")
    if weights is not None and _has(store, str(weights)):
        found[WEIGHTS] = Reference(given, str(weights))
    return found


def code_of(model: Model) -> Code:
    """What evaluating the model may load, as it is installed here.

    Its declaration is not among it: what that asks of an evaluation stands in the config, so another limit is no other
    evaluation.
    """
    code = closure([MODULE], [model.folder], _roots(model))
    declared = f"{model.package.replace('.', '/')}/{DECLARATION}"
    return replace(code, files=tuple(one for one in code.files if one.path != declared))


def gates_code(model: Model, root: Path) -> str:
    """The digest of all that decides a verdict: evaluation, checks, what compares and traces, and the libraries below.

    A device's runtime of another version may answer otherwise, so it is gated anew.
    """
    code = closure([MODULE, *CHECKS], [model.folder], _roots(model)).digest
    return hashlib.sha256(canonical([code, *sorted(lock_of(model, root))])).hexdigest()


def _roots(model: Model) -> Roots:
    return Roots.installed(*{OURS, model.package.partition(".")[0]})


def _has(store: Store, weights: str) -> bool:
    try:
        store.size(blob_key(RESULTS, weights, ".safetensors"))
    except ObjectMissing:
        return False
    return True
