"""How an operator's request reaches the agent in another process: a file for each model in the device's folder.

It stays there until the agent's journal says that it was carried out, so neither a kill nor a power cut loses it, and
its id has it carried out once.
"""

from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from slipway.serving.bundle.contract import Part
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.reading import read_plain
from slipway.serving.edge.agent.effects import Request
from slipway.serving.edge.configuration import Home

LARGEST: Final = 8 * 1024
LONGEST: Final = 400
"""Of a reason, in characters."""
Text = Annotated[str, Field(min_length=1, max_length=LONGEST)]


class Letter(Part):
    """A request as it is written."""

    id: Text
    what: Literal["revert", "again"]
    why: Text
    by: Text
    number: int | None = Field(default=None, ge=1)


class Inbox:
    """The requests of one device."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def put(self, model: str, request: Request) -> None:
        """Ask; a request that was not carried out yet gives way."""
        letter = Letter(id=request.id, what=request.what, why=request.why, by=request.by, number=request.number)
        self._home.write(_name(model), letter.model_dump_json().encode())

    def get(self, model: str) -> Request | None:
        """What is asked; a file that holds no request is removed."""
        path = self._home.folder / _name(model)
        if not path.exists():
            return None
        try:
            letter = Letter.model_validate_json(read_plain(path, LARGEST))
        except (BadBundle, ValidationError, RecursionError):
            self.drop(model)
            return None
        return Request(id=letter.id, what=letter.what, why=letter.why, by=letter.by, number=letter.number)

    def drop(self, model: str) -> None:
        """It was carried out."""
        (self._home.folder / _name(model)).unlink(missing_ok=True)


def _name(model: str) -> str:
    return f"request.{model}.json"
