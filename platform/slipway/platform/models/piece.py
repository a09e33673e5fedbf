"""What all pieces of a declaration share: frozen, unknown names refused, texts of one line."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LONGEST_LINE: Final = 400


class Piece(BaseModel):
    """A frozen piece of a declaration."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


def _line(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > LONGEST_LINE:
        raise ValueError(f"Expected a line of text, at most {LONGEST_LINE} characters")
    return value


Line = Annotated[str, AfterValidator(_line)]
Share = Annotated[float, Field(ge=0, le=1)]
