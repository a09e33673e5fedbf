"""How a model's name is written, and how its folder is called: `vehicle-reid` lies in `vehicle_reid`."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from slipway.platform.errors import WrongUse

LONGEST: Final = 63
PATTERN: Final = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
RULE: Final = (
    f"lower-case words of letters and digits joined by `-`, at most {LONGEST} characters, such as `vehicle-reid`"
)


def folder_name(model: str) -> str:
    """The folder of a model, which is also its Python package."""
    return model.replace("-", "_")


def model_name(folder: str) -> str:
    """The model that lies in a folder."""
    return folder.replace("_", "-")


def is_model_name(text: str) -> bool:
    """Whether this is written like the name of a model."""
    return len(text) <= LONGEST and re.fullmatch(PATTERN, text) is not None


def checked_model_name(text: str) -> str:
    """The name, where it is one; it also names a folder and a registered model, so nothing else may pass."""
    if not is_model_name(text):
        close = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
        mend = f"`{close}` would be one." if is_model_name(close) else None
        raise WrongUse(f"`{text}` is no name of a model. A name is {RULE}.", mend=mend)
    return text


def _name(text: str) -> str:
    if not is_model_name(text):
        raise ValueError(f"A name is {RULE}")
    return text


Name = Annotated[str, AfterValidator(_name)]
"""The name of a model, a device class, an input or a team."""
