"""From a model and its composed config to named work: parts, key, and what a runner is told. Nothing is written.

Everything that could be wrong with a request is found here, before anybody hears of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.data.view import View
from slipway.platform.data.watching import SILENT, Watcher
from slipway.platform.jobs.spec import TRAIN_MODULE, JobSpec
from slipway.platform.jobs.submitting.snapshots import Named, name_snapshot
from slipway.platform.models.finder import Model, distribution_of
from slipway.platform.runs.code.closure import Code, Roots, closure
from slipway.platform.runs.code.lock import TRAINING, lock_part
from slipway.platform.runs.making import REFERENCES, parts_of
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.references import Reference, resolve_references
from slipway.platform.runs.tracking.registered import MlflowRegistry
from slipway.platform.store import Store, open_store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

OURS: Final = "slipway"


@dataclass(frozen=True)
class Subject:
    """Whose work it is: a model of ours, or whatever a script is called."""

    name: str
    package: str = ""
    team: str = ""
    view: View = field(default_factory=lambda: View.of({}))

    @classmethod
    def of(cls, model: Model) -> "Subject":
        """A declared model."""
        return cls(model.name, model.package, model.declaration.team, model.declaration.data.view)


@dataclass(frozen=True)
class Planned:
    """Work with a name of its own."""

    model: Subject
    parts: Parts
    code: Code
    config: Mapping[str, Any]
    snapshot: Named
    references: Mapping[str, Reference] = field(default_factory=dict)
    """What the config refers to, by its name there."""
    kind: str = "train"
    arguments: Mapping[str, Any] | None = None
    module: str = TRAIN_MODULE

    @property
    def key(self) -> str:
        """The run key."""
        return self.parts.key

    @cached_property
    def code_bytes(self) -> int:
        """How large the code's files are together."""
        return sum(source.stat().st_size for source in self.code.sources.values())

    def job(self, *, fresh: bool = False, patch: str = "") -> JobSpec:
        """What a runner is told."""
        return JobSpec(
            key=self.key,
            kind=self.kind,
            module=self.module,
            model=self.model.name,
            package=self.model.package,
            config=self.config,
            snapshot=self.parts.snapshot,
            view=self.parts.view,
            code=self.parts.code_digest,
            arguments=self.arguments or {},
            references=self.parts.references,
            fresh=fresh,
            patch=patch,
        )


def plan(
    model: Model,
    config: Mapping[str, Any],
    loaded: "Loaded",
    *,
    snapshot: str | None = None,
    watcher: Watcher = SILENT,
    store: Store | None = None,
) -> Planned:
    """Name the work of training `model` with `config` on the snapshot that is meant."""
    declared = model.declaration
    named = name_snapshot(snapshot, loaded, watcher)
    code = code_of(model)
    references = _resolved(config, loaded, store)
    parts = parts_of(
        model=model.name,
        snapshot=named.digest,
        view=declared.data.view,
        code=code,
        config=config,
        lock=lock_of(model, loaded.root),
        references=references,
    )
    return Planned(Subject.of(model), parts, code, config, named, references)


def code_of(model: Model) -> Code:
    """The code that training the model may load, as it is installed here."""
    roots = Roots.installed(*{OURS, model.package.partition(".")[0]})
    return closure([TRAIN_MODULE], [model.folder], roots)


def lock_of(model: Model, root: Path) -> tuple[str, ...]:
    """The versions that decide: what the training needs, and what the model's own distribution does."""
    own = distribution_of(model.package)
    return lock_part(root, tuple(dict.fromkeys((TRAINING, *((own,) if own else ())))))


def _resolved(config: Mapping[str, Any], loaded: "Loaded", store: Store | None) -> Mapping[str, Reference]:
    given = config.get(REFERENCES) or {}
    if not given:
        return {}
    settings = loaded.settings
    return resolve_references(
        given,
        root=loaded.root,
        store=store or open_store(settings.store, settings.s3),
        registry=MlflowRegistry.of(settings.mlflow),
    )
