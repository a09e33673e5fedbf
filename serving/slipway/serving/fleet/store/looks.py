"""What the controller concluded at its last look at each model, so that people see it without asking anew.

A look reads hours of work of all devices; the controller does that anyway, and a page that did it for each visitor
would keep the service from its devices. Nothing is decided by what is written here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.packing import text_of
from slipway.serving.fleet.store.tables import LOOKS


@dataclass(frozen=True)
class Looked:
    """A look."""

    at: datetime
    told: Mapping[str, Any]
    """As `leading.Led.as_data` has it."""


def note_look(connection: Connection, model: str, told: Mapping[str, Any], now: int) -> None:
    """It takes the place of the one before."""
    values = {"at": now, "told": text_of(told)}
    if not connection.execute(update(LOOKS).where(LOOKS.c.model == model).values(values)).rowcount:
        connection.execute(insert(LOOKS).values(model=model, **values))


def look(connection: Connection, model: str) -> Looked | None:
    """The last one; None where nobody has looked."""
    row = connection.execute(select(LOOKS).where(LOOKS.c.model == model)).first()
    return None if row is None else Looked(times.moment(row.at), json.loads(row.told))
