"""What goes into a bundle's model and what comes out, as the manifest says it.

It reads what a model's declaration says of its export; a device has no declarations, so it has a schema of its own.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Tensor = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
"""The name of an input, an output or a varying dimension, as it stands in the graph."""
Dimension = Annotated[int, Field(ge=1)] | Tensor
Number = Literal["uint8", "int8", "int32", "int64", "float16", "float32"]
Line = Annotated[str, Field(min_length=1, max_length=400)]


class Part(BaseModel):
    """A frozen piece of a manifest; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Preprocessing(Part):
    """What is done to an image before it goes in."""

    resize: Literal["stretch", "letterbox", "none"] = "stretch"
    interpolation: Literal["area", "linear"] = "area"
    fill: Annotated[int, Field(ge=0, le=255)] = 114
    colour: Literal["rgb", "bgr"] = "rgb"
    layout: Literal["nchw"] = "nchw"
    crop: Literal["image", "box"] = "image"
    margin: Annotated[float, Field(ge=0, le=1)] = 0.0


class Input(Part):
    """A tensor that goes in."""

    name: Tensor
    dtype: Number = "uint8"
    dims: Annotated[tuple[Dimension, ...], Field(min_length=1, max_length=8)]
    preprocessing: Preprocessing = Preprocessing()


class Output(Part):
    """A tensor that comes out."""

    name: Tensor
    dtype: Number = "float32"
    dims: Annotated[tuple[Dimension, ...], Field(min_length=1, max_length=8)]
    meaning: Line
    labels: tuple[Line, ...] = ()


class Span(Part):
    """The range of a varying dimension."""

    least: int = Field(default=1, ge=1)
    usual: int = Field(default=1, ge=1)
    most: int = Field(default=8, ge=1)

    @model_validator(mode="after")
    def _rising(self) -> "Span":
        if not self.least <= self.usual <= self.most:
            raise ValueError("Expected `least` <= `usual` <= `most`")
        return self


class Contract(Part):
    """Inputs, outputs, the range of what varies, and the thresholds that decisions are taken with."""

    inputs: tuple[Input, ...] = Field(min_length=1)
    outputs: tuple[Output, ...] = Field(min_length=1)
    dims: Mapping[Tensor, Span]
    thresholds: Mapping[Tensor, float] = {}

    @model_validator(mode="after")
    def _consistent(self) -> "Contract":
        tensors: list[Input | Output] = [*self.inputs, *self.outputs]
        names = [one.name for one in tensors]
        if len(set(names)) != len(names):
            raise ValueError("A name stands for two tensors")
        used = {dim for one in tensors for dim in one.dims if isinstance(dim, str)}
        if unlike := sorted(used ^ self.dims.keys()):
            raise ValueError(f"The dimension `{unlike[0]}` stands in `dims` or in a tensor, and not in both")
        return self
