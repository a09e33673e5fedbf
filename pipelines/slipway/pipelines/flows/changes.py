"""What a model was made of, and what is there now: gathered for `causes.decide`.

The model is compared with the run that its champion came from, or with a later run of the same configuration that has
a result: what that one was made of has been tried, also where its bundle did not pass. What an override changed was
somebody's experiment, and says nothing about what is tried. Nothing is changed or trained here; of snapshots the tables
are fetched, and no images.

References in a configuration, such as another model's champion, are looked up when the model is trained and not here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from slipway.pipelines.flows.causes import Changed, Drift
from slipway.platform.errors import SlipwayError

if TYPE_CHECKING:
    from pathlib import Path

    from slipway.pipelines.steps.site import Site
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.models.finder import Model
    from slipway.platform.runs.entries import Entry
    from slipway.platform.runs.parts import Parts

LOOKED_AT: Final = 50
"""So many of a model's latest runs are looked at."""
CONFIGS: Final = "conf"


@dataclass(frozen=True)
class Made:
    """The run that the model is compared with."""

    key: str
    named: str
    parts: "Parts"


def last_made(site: "Site", model: str) -> Made | None:
    """What the model is compared with; None where nothing of ours was ever made."""
    champion = _champion(site, model)
    for entry in islice(_finished(site, model), LOOKED_AT):
        if champion is not None and entry.key == champion.key:
            break
        parts = _parts(site, entry.key)
        if parts is not None and (champion is None or parts.config == champion.parts.config):
            return Made(entry.key, f"run {entry.name}", parts)
    return champion


def changed_since(site: "Site", model: "Model", made: Made, snapshot: str | None) -> Changed:
    """How what is there now differs; `snapshot` is a reference, data.dvc's unless given."""
    from slipway.platform.data.chosen import Rows, rows_between
    from slipway.platform.jobs.submitting.planning import code_of, lock_of
    from slipway.platform.jobs.submitting.snapshots import name_snapshot
    from slipway.platform.runs.comparing.differences import Kind, differences
    from slipway.platform.runs.making import parts_of

    view, named = model.declaration.data.view, name_snapshot(snapshot, site.loaded)
    now = parts_of(
        model=model.name,
        snapshot=named.digest,
        view=view,
        code=code_of(model),
        config=made.parts.config,
        lock=lock_of(model, site.root),
    )
    found = differences(made.parts.model_copy(update={"references": {}}), now)
    rows = Rows()
    if named.digest != made.parts.snapshot:
        rows = rows_between(tables_of(site, made.parts.snapshot), tables_of(site, named.digest, named.folder), view)
    code = [one.name for one in found if one.part is Kind.CODE]
    return Changed(
        since=made.named,
        rows=rows,
        view=[one.name for one in found if one.part is Kind.VIEW],
        config=[name for name in code if _is_config(name, model)],
        code=[name for name in code if not _is_config(name, model)],
        lock=[one.name for one in found if one.part is Kind.LOCK],
    )


def drift_of(site: "Site", model: str, snapshot: str | None, labelled: int = 0) -> Drift | None:
    """What the last look at the champion in the field found, with what its labelling task still asks for.

    Without a task so many labels are asked for as the settings say; `labelled` people have given since.
    """
    from slipway.pipelines.labelling.opening import snapshot_of
    from slipway.pipelines.labelling.standing import standing
    from slipway.pipelines.labelling.task import SHORT, find_task
    from slipway.pipelines.watching.looks import load_look

    look = load_look(site.store, model)
    if look is None or not look.drift or look.bundle != site.desk.standing(model).champion:
        return None
    task = find_task(site.store, look.task) if look.task else None
    if task is None:
        return Drift(line=look.line, missing=max(0, site.loaded.settings.watch.labels - labelled))
    return Drift(line=look.line, missing=standing(task, snapshot_of(site, snapshot)).missing, task=task.id[:SHORT])


def tables_of(site: "Site", digest: str, folder: "Path | None" = None) -> "Snapshot":
    """A snapshot that the store knows, with its tables."""
    from slipway.platform.data.pointer import read_pointer
    from slipway.platform.data.record import load_record
    from slipway.platform.data.reference import fetch_pointer
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.data.watching import SILENT

    if folder is not None:
        return Snapshot(folder)
    record = load_record(site.store, digest)
    pointer = record.pointer() if record else read_pointer(site.root)
    if pointer is None or pointer.digest != digest:
        raise SlipwayError(
            f"{site.store.url} has no record of the snapshot {digest[:12]}, so nobody can say what changed since.",
            mend=f"`slipway data commit` where {digest[:12]} is; `slipway flow run retrain` needs no cause.",
        )
    return Snapshot(fetch_pointer(site.project, pointer, images=False, watcher=SILENT))


def _champion(site: "Site", model: str) -> Made | None:
    """The run that the champion came from; None where there is no champion, or somebody else made it."""
    from slipway.platform.registry.bundles import load_bundle
    from slipway.platform.registry.records import lineage_of

    standing = site.desk.standing(model)
    if standing.champion is None:
        return None
    key = lineage_of(load_bundle(site.store, standing.champion)).get("run_key")
    parts = _parts(site, key) if key else None
    if key is None or parts is None:
        return None
    version = standing.versions[standing.champion].number
    return Made(key, f"version {version}", parts)


def _finished(site: "Site", model: str) -> Iterator["Entry"]:
    """Its trainings that have a result, the latest first."""
    from slipway.platform.runs.index import entries
    from slipway.platform.runs.records import State

    return (one for one in entries(site.store, model=model) if one.kind == "train" and one.state is State.DONE)


def _parts(site: "Site", key: str) -> "Parts | None":
    from slipway.platform.runs.errors import RunsError
    from slipway.platform.runs.find import load_parts

    try:
        return load_parts(site.store, key)
    except RunsError:
        return None


def _is_config(path: str, model: "Model") -> bool:
    """Whether a file of the code is one of the model's configs."""
    return path.startswith(f"{model.package.replace('.', '/')}/{CONFIGS}/")
