"""What an evaluation is asked, and what it leaves behind: the files of its result.

    evaluation.<variant>.json        `training.evaluation.judged.Evaluation`
    predictions.<variant>.parquet    of the test split, as anybody could hand them in
    samples.<variant>.parquet        what was judged: `sample`, `error`, and the columns of slices
    rows.parquet                     the samples of all rows, in their order
    report.json                      `Report`: heads, disturbed images, costs, and which variants do not run

`checkpoint` stands among the variants where the weights behind the bundle are known: it is what parity is held against.
"""

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from slipway.platform.models.gates import Distortion, Variant
from slipway.training.evaluation.judged import Measure, Part

CHECKPOINT: Final = "checkpoint"
PRECISE_FIRST: Final[tuple[Variant, ...]] = ("fp32", "fp16", "int8-cpu", "int8-trt")
WEIGHTS: Final = "checkpoint.safetensors"
"""The weights behind the bundle, among the references."""
ROWS: Final = "rows.parquet"
REPORT: Final = "report.json"
SPLIT: Final = "test"
ASKED: Final = "evaluate"
"""In the config of the work: what is asked."""
TASK: Final = "task"
"""In the config of the work: the config of the model's task."""
Runtime = Literal["cpu", "cuda", "tensorrt"]


class Disturbance(Part):
    """What is done to images."""

    distortion: Distortion
    strength: float

    @property
    def words(self) -> str:
        """As a person says it."""
        return f"{self.distortion} {self.strength:g}"


class Device(Part):
    """A device class, as far as its costs are measured."""

    runtime: Runtime
    variants: tuple[Variant, ...]
    batch: int


class Asked(Part):
    """What an evaluation is to find out; a part of its work key."""

    disturbances: tuple[Disturbance, ...] = ()
    devices: Mapping[str, Device] = {}
    draws: int = 200
    """Of the bootstrap behind the intervals."""
    seed: int = 0
    least: int = Field(default=50, ge=1)
    """Units from which a slice has intervals."""
    disturbed_rows: int = Field(default=400, ge=1)
    """At most so many rows are looked at disturbed, spread evenly over all."""


class HeadDifference(Part):
    """How far a variant's raw head is from the checkpoint's."""

    greatest: float
    """Over all rows that are judged."""
    usual: float
    """All but one in 10,000 values are nearer: a head that chooses, such as a peak among its neighbours, may turn where
    two are as good as equal."""
    golden: float | None = None
    """The greatest on the golden inputs, which travel with the bundle."""


class Disturbed(Part):
    """What a disturbance does to a variant's metrics, on the same rows."""

    variant: Variant
    disturbance: Disturbance
    clean: Mapping[str, Measure]
    disturbed: Mapping[str, Measure]
    rows: int
    """How many rows were disturbed."""


class Cost(Part):
    """What one variant takes in a process of its own on this machine."""

    device: str
    variant: Variant
    batch: int
    calls: int
    p50_ms: float
    p95_ms: float
    """95 of 100 calls took no longer."""
    memory_mb: float
    """Peak of the process."""


class Report(Part):
    """What is said of a bundle besides the judgements."""

    bundle: str
    rows: int
    variants: tuple[str, ...]
    """Those that were judged, with `checkpoint`."""
    unfit: Mapping[str, str] = {}
    """Why a variant does not run on the device's runtime."""
    heads: Mapping[str, Mapping[str, HeadDifference]] = {}
    """By variant and output; empty without a checkpoint."""
    disturbed: tuple[Disturbed, ...] = ()
    costs: tuple[Cost, ...] = ()
    machine: Mapping[str, str] = {}
    """Where the costs were measured."""


def evaluation_file(variant: str) -> str:
    """The judgement of a variant."""
    return f"evaluation.{variant}.json"


def predictions_file(variant: str) -> str:
    """What a variant says."""
    return f"predictions.{variant}.parquet"


def samples_file(variant: str) -> str:
    """What was judged, line by line."""
    return f"samples.{variant}.parquet"
