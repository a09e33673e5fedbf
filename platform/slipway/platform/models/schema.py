"""What a `model.yaml` may say: who answers for a model, what it is for, and what it must keep to.

One declaration serves everybody: training takes the data view, export the contract and the variants, the gates their
limits, approval the risk class, the scheduler the causes of retraining, reports owner and value. How the model learns
is in its Hydra configs and is no part of this.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from slipway.platform.data.view import TABLES, View
from slipway.platform.errors import WrongUse
from slipway.platform.models.contract import Contract
from slipway.platform.models.cron import checked_cron
from slipway.platform.models.gates import Gates, Variant
from slipway.platform.models.names import Name
from slipway.platform.models.piece import Line, Piece

Cause = Literal["data", "labels", "drift", "schedule"]
Values = Line | tuple[Line, ...]


class Risk(Piece):
    """How much harm it can do; decides how many people must approve a version."""

    level: Literal["minimal", "limited", "high"] = Field(alias="class")
    """The classes follow those of the EU AI Act; what that forbids has none here."""
    reasons: tuple[Line, ...] = Field(min_length=1)
    """Why it is in this class and in no higher one."""


class Value(Piece):
    """What it is worth."""

    kpi: Line
    """The figure that it is meant to move."""
    owner: Name
    """Who answers for that figure."""


class Retrain(Piece):
    """When it is trained again without anybody asking."""

    on: tuple[Cause, ...] = ()
    """What makes it so: new data, new labels, drift in the field, or the time."""
    schedule: Annotated[str, AfterValidator(checked_cron)] | None = None
    """Five fields of cron, in UTC."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        if ("schedule" in self.on) != (self.schedule is not None):
            raise ValueError("`schedule` stands in `on` exactly when there is a `schedule`")
        return self


class Data(Piece):
    """The part of a snapshot that it looks at."""

    where: Mapping[Line, Values] = {}
    """Values by column of `index`; an image is in the view when every named column has one of them."""
    tables: tuple[Line, ...] = TABLES
    """The snapshot's tables that it asks for."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        try:
            self.view  # noqa: B018 - it is made to be refused here
        except WrongUse as error:
            raise ValueError(f"{error} {error.mend or ''}".strip()) from None
        return self

    @cached_property
    def view(self) -> View:
        """The view."""
        return View.of(self.where, self.tables)


class DeviceClass(Piece):
    """A kind of device that it must run on, and what it may cost there."""

    runtime: Literal["cpu", "cuda", "tensorrt"] = "cpu"
    """What runs it there: ONNX Runtime on the processor or on CUDA, or an engine of TensorRT."""
    variants: tuple[Variant, ...] = Field(min_length=1)
    """What is exported for it, the preferred one first."""
    batch: int = Field(default=1, ge=1)
    """Images of one call, for which the latency holds."""
    latency_ms: float = Field(gt=0)
    """What 95 of 100 calls may take at most."""
    memory_mb: float = Field(gt=0)
    """What its process may take at most."""
    size_mb: float = Field(gt=0)
    """What the file of a variant may have at most."""

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        wanted = {"int8-trt": "tensorrt", "int8-cpu": "cpu"}
        for variant in self.variants:
            if wanted.get(variant, self.runtime) != self.runtime:
                raise ValueError(f"`{variant}` is for the runtime `{wanted[variant]}`, not for `{self.runtime}`")
        if len(set(self.variants)) != len(self.variants):
            raise ValueError("A variant stands there twice")
        return self


class Declaration(Piece):
    """All that a model declares."""

    name: Name
    """The same as its folder's, with `-` for `_`."""
    owner: Name
    """The person who answers for it."""
    team: Name
    """Whose it is, also in what it costs."""
    purpose: Line
    """What it is for, in a sentence."""
    risk: Risk
    """How much harm it can do."""
    value: Value
    """What it is worth."""
    retrain: Retrain = Retrain()
    """When it is trained again."""
    data: Data = Data()
    """What it looks at."""
    devices: Mapping[Name, DeviceClass] = Field(min_length=1)
    """The device classes that it must run on, by a name."""
    gates: Gates = Gates()
    """What a bundle must pass."""
    export: Contract
    """What goes into the exported model and what comes out."""

    @model_validator(mode="after")
    def _batches_fit(self) -> Self:
        spans = [span.most for name, span in self.export.dims.items() if name == "batch"]
        for name, device in self.devices.items():
            if spans and device.batch > spans[0]:
                raise ValueError(f"`{name}` calls with {device.batch} images, the contract's batch ends at {spans[0]}")
        return self

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All variants that some device class asks for, each once."""
        return tuple(dict.fromkeys(variant for device in self.devices.values() for variant in device.variants))
