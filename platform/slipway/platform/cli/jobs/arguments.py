"""Arguments that several commands share, with what a shell may complete them to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from slipway.platform.jobs.api import Desk

OFFERED: Final = 50
"""Names that are completed to, the latest ones."""


def run_names(incomplete: str) -> list[tuple[str, str]]:
    """Names of runs, those under way and the latest, with what they are."""
    from itertools import islice

    from slipway.platform.jobs.listing import Wanted, runs

    desk = open_desk()
    rows = runs(desk.store, desk.here, Wanted(limit=OFFERED))
    found = ((row.entry.name, f"{row.entry.model}, {row.entry.state}") for row in rows)
    return list(islice((one for one in found if one[0].startswith(incomplete)), OFFERED))


def target_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Targets of the context, with what each has."""
    from slipway.platform.cli.session import load_settings

    for name, target in load_settings().settings.targets.items():
        if name.startswith(incomplete):
            devices = f"{target.gpus} x {target.accelerator}" if target.gpus else target.accelerator
            yield name, f"{target.launcher}, {devices}"


def model_names(incomplete: str) -> Iterator[str]:
    """Installed models."""
    from slipway.platform.models.finder import installed_models

    return (name for name in installed_models() if name.startswith(incomplete))


def open_desk() -> "Desk":
    """The project that this was started in; its store is one, or can be made."""
    from slipway.platform.cli.session import load_settings
    from slipway.platform.jobs.api import Desk
    from slipway.platform.store.opening import check_place

    desk = Desk.of(load_settings())
    check_place(desk.store)
    return desk


Run = Annotated[
    str,
    typer.Argument(metavar="RUN", help="A run's name, or the beginning of its key.", autocompletion=run_names),
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Follow it to its end. Ctrl-C only stops following; the run goes on.")
]
Budget = Annotated[
    str | None,
    typer.Option(metavar="AMOUNT", help="What all attempts may cost; at it the job stops behind a checkpoint."),
]
