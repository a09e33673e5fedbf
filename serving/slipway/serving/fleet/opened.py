"""The fleet store of the settings, open for questions. What asks databases is imported where there is a store."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway.platform.settings import Loaded
    from slipway.serving.fleet.reader import FleetReader

IN_A_FILE: Final = "sqlite:///"


@contextmanager
def open_reader(loaded: "Loaded") -> "Iterator[FleetReader | None]":
    """The store; None where there is none."""
    database = loaded.settings.fleet.database
    if database.startswith(IN_A_FILE) and _missing(loaded.root / database.removeprefix(IN_A_FILE).partition("?")[0]):
        yield None
        return
    from slipway.serving.fleet.reader import FleetReader
    from slipway.serving.fleet.store import opening

    engine = opening.open_engine(opening.address(database, loaded.root), writes=False)
    try:
        yield FleetReader(engine)
    finally:
        engine.dispose()


def _missing(file: Path) -> bool:
    """Whether the store was never begun; what is no place of a file is told of when it is opened."""
    return file.name != ":memory:" and not file.exists()
