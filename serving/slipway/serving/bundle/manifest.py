"""The manifest: what a bundle is, where it came from, and the digest of each of its files.

Its canonical bytes are the bundle's identity: their sha256 is the bundle's digest. So it holds no version number, no
MLflow id, no attempt, no path and no time; the same inputs give the same bytes.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from slipway.serving.bundle.canonical import canonical, sha256
from slipway.serving.bundle.contract import Contract, Line, Part

MANIFEST: Final = "manifest.json"
GOLDEN: Final = "golden.npz"
"""Inputs `in.<name>` and what each variant answers, `<variant>.<output>`."""
CHECKPOINT: Final = "checkpoint"
"""Stands there for a variant, where a run of ours was exported: what torch computed with the run's own weights."""
REFERENCE: Final = "reference.json"
"""Distributions of inputs and answers on the evaluation's rows, which drift is measured against."""
FORMAT: Final = 1

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=63)]
FileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,127}$")]
Variant = Literal["fp32", "fp16", "int8-cpu", "int8-trt"]
Runtime = Literal["cpu", "cuda", "tensorrt"]


class File(Part):
    """A file of the bundle, named by its content."""

    sha256: Digest
    size: int = Field(ge=0)


class Calibration(Part):
    """The rows of the training split that the ranges of an INT8 variant were taken from."""

    snapshot: Digest
    rows: int = Field(ge=1)
    samples: Digest
    """sha256 over the samples' digests, in their order, one a line."""
    method: Line


class Engine(Part):
    """Whether TensorRT made an engine of a variant when the bundle was exported; one that is made is not shipped."""

    tensorrt: Line
    """The module and its version, such as `tensorrt_rtx 1.7.1.116`."""
    built: bool
    problems: tuple[str, ...] = ()
    """Every error of parser and builder."""


class VariantPart(Part):
    """One form of the model."""

    file: FileName
    opset: int = Field(ge=1)
    calibration: Calibration | None = None
    engine: Engine | None = None
    """None where no TensorRT was at hand."""
    tolerance: Mapping[str, Annotated[float, Field(ge=0)]] = {}
    """By output, how far a device's answers to the golden inputs may be from those in `golden.npz`."""


class DeviceClass(Part):
    """A kind of device that the bundle is meant for, and what it may cost there."""

    runtime: Runtime = "cpu"
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]
    """The preferred one first."""
    batch: int = Field(ge=1)
    latency_ms: float = Field(gt=0)
    memory_mb: float = Field(gt=0)
    size_mb: float = Field(gt=0)


class Lineage(Part):
    """Where the weights came from: a run of ours with the parts of its key, or somebody else's file."""

    origin: Line = "slipway"
    """`slipway`, or in words who gave an external model."""
    run_key: Line | None = None
    snapshot: Digest | None = None
    view: Mapping[str, Any] = {}
    code: Digest | None = None
    config: Digest | None = None
    """sha256 of the canonical config."""
    lock: Digest | None = None
    """sha256 of the lock's lines, one a line."""
    references: Mapping[str, Digest] = {}
    weights: Digest | None = None

    @property
    def external(self) -> bool:
        """Whether no run of ours made it."""
        return self.run_key is None


class Manifest(Part):
    """All that is said of a bundle."""

    format: Literal[1] = 1
    model: ModelName
    lineage: Lineage
    contract: Contract
    devices: Annotated[Mapping[ModelName, DeviceClass], Field(min_length=1)]
    variants: Annotated[Mapping[Variant, VariantPart], Field(min_length=1)]
    files: Annotated[Mapping[FileName, File], Field(min_length=1, max_length=64)]
    """Every file but the manifest."""
    tools: Mapping[str, Line] = {}
    """The exporters, with their versions."""

    @cached_property
    def digest(self) -> str:
        """The bundle's name."""
        return sha256(self.to_bytes())

    def files_for(self, device_class: str) -> tuple[str, ...]:
        """The files that a device of this class needs: those of its variants, and what belongs to no variant."""
        asked = self.devices[device_class].variants
        others = {part.file for name, part in self.variants.items() if name not in asked}
        own = {part.file for name, part in self.variants.items() if name in asked}
        return tuple(sorted(self.files.keys() - (others - own)))

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(self.model_dump(mode="json"))
