"""What the commands of `slipway data label` share: formats, states, and the snapshot that is meant."""

from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.errors import SlipwayError

if TYPE_CHECKING:
    from slipway.pipelines.steps.site import Site
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.data.watching import Watcher


class Format(StrEnum):
    """Formats of tools for labelling."""

    coco = "coco"
    cvat = "cvat"
    labelstudio = "labelstudio"


class State(StrEnum):
    """How far labels can be trusted."""

    unlabelled = "unlabelled"
    auto = "auto"
    human = "human"
    reviewed = "reviewed"
    disputed = "disputed"


class Split(StrEnum):
    """What rows are for."""

    train = "train"
    validation = "validation"
    test = "test"


def found_site() -> "Site":
    """The project around the current folder."""
    from slipway.pipelines.steps.site import Site
    from slipway.platform.cli.session import load_settings

    return Site(load_settings())


def person_at(site: "Site") -> str:
    """Who acts."""
    from slipway.platform.jobs.asking import submitted_by

    return submitted_by(site.loaded.settings.identity)


def working(site: "Site", reference: str | None, watcher: "Watcher") -> "Snapshot | None":
    """The snapshot in `data/`, or the one that is meant, with its images; None where there is none yet."""
    from slipway.platform.data.manifest import NAME
    from slipway.platform.data.reference import resolve
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.data.staging import recover

    if reference is not None:
        return Snapshot(resolve(reference, site.loaded, images=True, watcher=watcher))
    recover(site.project.data)
    return Snapshot(site.project.data) if (site.project.data / NAME).exists() else None


def counted(site: "Site", reference: str | None) -> "Snapshot | None":
    """The tables in which labels are counted: what flows train on, unless another snapshot is meant."""
    from slipway.pipelines.labelling.opening import snapshot_of
    from slipway.platform.data.revising import base_of

    settings = site.loaded.settings
    usual = settings.airflow.snapshot
    if reference is None and usual == settings.data.branch:
        return base_of(site.project)  # also before anything is committed to it
    return snapshot_of(site, reference or usual or None)


def counts(pictures: int) -> str:
    """So many pictures of devices."""
    return f"{pictures:,} picture{'' if pictures == 1 else 's'} of devices"


def gone_words(gone: int, of: int) -> str:
    """What became of pictures that nobody can label any more."""
    which = "is" if gone == 1 else "are"
    return f"{gone:,} of {counts(of)} {which} kept no more (fleet.retention.samples_days), and no snapshot has them."


def task_names(incomplete: str) -> Iterator[str]:
    """Labelling tasks, for completion."""
    with suppress(SlipwayError):
        from slipway.pipelines.labelling.task import tasks

        for one in tasks(found_site().store):
            if one.id.startswith(incomplete):
                yield one.short


def model_names(incomplete: str) -> Iterator[str]:
    """Models, for completion."""
    with suppress(SlipwayError):
        from slipway.platform.models.finder import installed_models

        yield from (name for name in installed_models() if name.startswith(incomplete))


Where = Annotated[str | None, typer.Option("--where", metavar="FILTER", help="Only rows that fit, as in `data show`.")]
Model = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="Only rows of this model's view.", autocompletion=model_names),
]
TaskName = Annotated[
    str | None,
    typer.Option("--task", metavar="ID", help="A labelling task, by the beginning of its name.",
                 autocompletion=task_names),
]  # fmt: skip
Reference = Annotated[
    str | None,
    typer.Option("--snapshot", metavar="REF", help="A folder, digest or git revision [default: the folder data/]."),
]
