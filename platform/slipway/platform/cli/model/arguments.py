"""Arguments that several commands share, with what a shell may complete them to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk

DIGITS: Final = 12


def open_desk() -> "Desk":
    """Where versions of the current context are looked after."""
    from slipway.platform.cli.session import load_settings
    from slipway.platform.registry.desk import Desk
    from slipway.platform.store.opening import check_place

    desk = Desk.of(load_settings())
    check_place(desk.store)
    return desk


def version_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Versions, with what they are."""
    from slipway.platform.registry.records import versions_in

    for one in versions_in(open_desk().store):
        name = f"{one.model}/{one.number}"
        if name.startswith(incomplete):
            yield name, f"bundle {one.bundle[:DIGITS]}"


def model_names(incomplete: str) -> Iterator[str]:
    """Models that have versions."""
    from slipway.platform.registry.records import versions_in

    names = {one.model for one in versions_in(open_desk().store)}
    return (name for name in sorted(names) if name.startswith(incomplete))


Version = Annotated[
    str,
    typer.Argument(
        metavar="NAME/VERSION",
        help="A version: NAME/3, NAME@champion or NAME@challenger.",
        autocompletion=version_names,
    ),
]
Model = Annotated[str, typer.Argument(metavar="NAME", help="A model.", autocompletion=model_names)]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the ledger and on the card.")]
Request = Annotated[
    str | None,
    typer.Option(
        "--request", metavar="ID", help="An id of this request: made again, it is the same decision and stands once."
    ),
]
