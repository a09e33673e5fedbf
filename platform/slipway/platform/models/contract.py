"""What goes into an exported model and what comes out: the promise that devices are built against.

Dimensions are numbers, or names for those that vary; a varying dimension says its range, which becomes a TensorRT
profile. Pixels come as uint8, so normalisation lies inside the graph; what happens to an image before is said here.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from slipway.platform.models.piece import Line, Piece

Tensor = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
"""The name of an input, an output or a varying dimension, as it stands in the graph."""
Dimension = Annotated[int, Field(ge=1)] | Tensor
Number = Literal["uint8", "int8", "int32", "int64", "float16", "float32"]


class Preprocessing(Piece):
    """What is done to an image before it goes in."""

    resize: Literal["stretch", "letterbox", "none"] = "stretch"
    """How it gets its size; `letterbox` keeps its proportions and fills with `fill`."""
    interpolation: Literal["area", "linear"] = "area"
    """How pixels become fewer or more."""
    fill: Annotated[int, Field(ge=0, le=255)] = 114
    """The grey of what `letterbox` adds."""
    colour: Literal["rgb", "bgr"] = "rgb"
    """The order of the channels."""
    layout: Literal["nchw"] = "nchw"
    """The order of images, channels, rows and columns."""
    crop: Literal["image", "box"] = "image"
    """Whether the whole image is looked at, or a box cut out of it."""
    margin: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How far a box is widened on each side, as a share of its size."""


class Input(Piece):
    """A tensor that goes in."""

    name: Tensor
    """As it stands in the graph."""
    dtype: Number = "uint8"
    """What its numbers are."""
    dims: tuple[Dimension, ...] = Field(min_length=1)
    """Its size in each dimension, or the name of one that varies."""
    preprocessing: Preprocessing = Preprocessing()
    """What is done to an image before."""


class Output(Piece):
    """A tensor that comes out."""

    name: Tensor
    """As it stands in the graph."""
    dtype: Number = "float32"
    """What its numbers are."""
    dims: tuple[Dimension, ...] = Field(min_length=1)
    """Its size in each dimension, or the name of one that varies."""
    meaning: Line
    """What its numbers say, and in which unit."""
    labels: tuple[Line, ...] = ()
    """What the places along its last dimension stand for."""

    @model_validator(mode="after")
    def _labelled(self) -> Self:
        last = self.dims[-1]
        if self.labels and isinstance(last, int) and len(self.labels) != last:
            raise ValueError(f"`{self.name}` has {len(self.labels)} labels for {last} places")
        return self


class Span(Piece):
    """The range of a varying dimension."""

    least: int = Field(default=1, ge=1)
    """The smallest size."""
    usual: int = Field(default=1, ge=1)
    """What is made fastest."""
    most: int = Field(default=8, ge=1)
    """The greatest size."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.least <= self.usual <= self.most:
            raise ValueError("Expected `least` <= `usual` <= `most`")
        return self


class Contract(Piece):
    """Inputs, outputs, the range of what varies, and the thresholds that decisions are taken with."""

    inputs: tuple[Input, ...] = Field(min_length=1)
    """The tensors that go in."""
    outputs: tuple[Output, ...] = Field(min_length=1)
    """The tensors that come out."""
    dims: Mapping[Tensor, Span]
    """Every varying dimension."""
    thresholds: Mapping[Tensor, float] = {}
    """What a score must reach, by the name of the decision."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [one.name for one in self.tensors]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"The name `{twice}` stands for two tensors")
        used = {dim for one in self.tensors for dim in one.dims if isinstance(dim, str)}
        for dim in sorted(used - set(self.dims)):
            raise ValueError(f"The dimension `{dim}` varies, but `dims` does not say its range")
        for dim in sorted(set(self.dims) - used):
            raise ValueError(f"`dims` has `{dim}`, which no tensor has")
        return self

    @property
    def tensors(self) -> "list[Input | Output]":
        """Inputs, then outputs."""
        return [*self.inputs, *self.outputs]
