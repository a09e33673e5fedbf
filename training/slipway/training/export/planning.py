"""From a training to its export, by name: what the work is made of, and with that its key. Nothing is written.

Everything that could be wrong with the request is found here: a run without a result, a model that is not installed, a
declaration that no longer fits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.data.view import View
from slipway.platform.errors import WrongUse
from slipway.platform.jobs.submitting.planning import OURS, Planned, Subject, lock_of
from slipway.platform.jobs.submitting.snapshots import Named
from slipway.platform.models.finder import Model, model_named
from slipway.platform.models.schema import Declaration
from slipway.platform.runs.code.closure import Code, Roots, closure
from slipway.platform.runs.digests import config_digest, lock_digest
from slipway.platform.runs.find import find, load_parts
from slipway.platform.runs.making import deciding
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Result
from slipway.platform.runs.references import Reference
from slipway.platform.runs.results import load_result
from slipway.platform.store import Store
from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.manifest import DeviceClass, Lineage
from slipway.training.export.wanted import KIND, MAKES_ENGINES, MODULE, WEIGHTS, Maker, Wanted

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

BUILDS_NETWORKS: Final = "slipway/training/networks/"


@dataclass(frozen=True)
class PlannedExport:
    """The work, and the training that it is of."""

    planned: Planned
    run: str
    """The training's run key."""
    changed: Sequence[str] = ()
    """Files that build the network and are not what they were when it was trained."""


def plan_export(run: str, loaded: "Loaded", store: Store, *, tensorrt: Maker | None = None) -> PlannedExport:
    """Name the export of a run, given by its name or the beginning of its key."""
    key = find(store, run)
    result = load_result(store, key)
    if result is None:
        raise WrongUse(f"`{run}` has no result yet.", mend="Wait until it is done: `slipway show` says how it stands.")
    if WEIGHTS not in result.files:
        raise WrongUse(f"`{run}` has trained nothing: its result has no {WEIGHTS}.", mend="Name a training.")
    parts = load_parts(store, key)
    model = model_named(parts.model)
    wanted = wanted_for(model.declaration, parts, result, tensorrt)
    code = closure([MODULE], [model.folder], Roots.installed(*{OURS, model.package.partition(".")[0]}))
    config = deciding(wanted.model_dump(mode="json"))
    weights = result.files[WEIGHTS]
    own = Parts(
        model=model.name,
        snapshot=parts.snapshot,
        view=parts.view,
        code=code.files,
        config=config,
        lock=tuple(sorted(lock_of(model, loaded.root))),
        references={WEIGHTS: weights.sha256},
    )
    planned = Planned(
        _subject(model, parts.view),
        own,
        code,
        config,
        Named(parts.snapshot),
        {WEIGHTS: Reference(f"runs:/{key}", weights.sha256)},
        kind=KIND,
        module=MODULE,
    )
    return PlannedExport(planned, key, changed(parts, code, model))


def wanted_for(declared: Declaration, parts: Parts, result: Result, tensorrt: Maker | None) -> Wanted:
    """What the export is told."""
    makes_engines = any(one.runtime == MAKES_ENGINES for one in declared.devices.values())
    return Wanted(
        training=parts.config,
        export=Contract.model_validate(declared.export.model_dump(mode="json")),
        devices={
            name: DeviceClass.model_validate(one.model_dump(mode="json")) for name, one in declared.devices.items()
        },
        lineage=lineage_of(parts, result),
        tensorrt=tensorrt if makes_engines else None,
    )


def lineage_of(parts: Parts, result: Result) -> Lineage:
    """Where the weights come from, as the manifest says it."""
    return Lineage(
        run_key=parts.key,
        snapshot=parts.snapshot,
        view=parts.view,
        code=parts.code_digest,
        config=config_digest(parts),
        lock=lock_digest(parts),
        references=parts.references,
        weights=result.files[WEIGHTS].sha256,
    )


def changed(parts: Parts, code: Code, model: Model) -> tuple[str, ...]:
    """Files of the model and of what networks are built from that the training had otherwise."""
    before = {one.path: one.sha256 for one in parts.code}
    folder = f"{model.package.replace('.', '/')}/"
    return tuple(
        one.path
        for one in code.files
        if one.path.startswith((folder, BUILDS_NETWORKS))
        and one.path.endswith(".py")
        and before.get(one.path, one.sha256) != one.sha256
    )


def _subject(model: Model, view: Mapping[str, Any]) -> Subject:
    where = {column: list(values) for column, values in view.get("where", ())}
    return Subject(model.name, model.package, model.declaration.team, View.of(where, view.get("tables", ())))
