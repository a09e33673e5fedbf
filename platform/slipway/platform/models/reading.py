"""Reading a `model.yaml` strictly; `strict_yaml` says how."""

from pathlib import Path
from typing import Final

from slipway.platform.errors import WrongUse
from slipway.platform.models.schema import Declaration
from slipway.platform.strict_yaml import Form


class BadDeclaration(WrongUse):
    """A `model.yaml` that cannot be used."""


FORM: Final = Form(
    Declaration,
    name="declaration",
    error=BadDeclaration,
    begins="It begins with `name: ` and the name; every model has one in its folder, and `slipway new model` makes it.",
)


def read_declaration(path: Path) -> Declaration:
    """The declaration in this file."""
    return FORM.read(path)
