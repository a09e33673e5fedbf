"""What Slipway asks of MLflow, whether a server or a database file keeps the record.

A `Tracker` does one thing per call and never tries twice: whoever calls knows how long it may wait. It raises
`TrackingUnreachable` for what may work later (no answer, trouble over there; `TrackingDenied` for credentials that are
not accepted) and `TrackingRefused` for what will not.

A point is there once, however often it is sent: MLflow's database holds one row for each metric, step, time and value,
and an event keeps its time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.masking import masked
from slipway.platform.settings.schema import SQLITE

if TYPE_CHECKING:
    from slipway.platform.settings import schema

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]

SETTING: Final = "`SLIPWAY_MLFLOW__TRACKING_URI`, or `tracking_uri` in `[contexts.<name>.mlflow]`"
ARTIFACTS: Final = ".slipway/mlflow-artifacts"
"""Where files go when there is no server, below the project's root."""
MOST_POINTS: Final = 1000
"""Points of one call."""
MOST_PARAMS: Final = 100
"""Parameters, or tags, of one call."""
MISSING: Final = "RESOURCE_DOES_NOT_EXIST"
THERE: Final = "RESOURCE_ALREADY_EXISTS"
"""MLflow's words for why it refuses."""
LONGEST_KEY: Final = 250
LONGEST_PARAM: Final = 6000
LONGEST_TAG: Final = 8000


class TrackingError(SlipwayError):
    """MLflow could not do what was asked."""


class TrackingUnreachable(TrackingError):
    """Not now."""


class TrackingDenied(TrackingUnreachable):
    """Not with these credentials."""


class TrackingRefused(TrackingError):
    """Not ever, as it was asked."""

    code = ""
    """MLflow's word for the reason."""

    @classmethod
    def of(cls, code: str, address: str, reason: str) -> "TrackingRefused":
        """A refusal with MLflow's reason in brackets."""
        error = cls(f"MLflow at {masked(address)} refused a request ({code}: {reason}).", mend=f"Look at {SETTING}.")
        error.code = code
        return error


class Point(NamedTuple):
    """One value of one metric."""

    metric: str
    value: float
    step: int
    time: int
    """Milliseconds since 1970."""


@dataclass(frozen=True)
class Dataset:
    """What a run learned from."""

    name: str
    digest: str
    source_kind: str
    source: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TrackedRun:
    """A run as MLflow has it."""

    run_id: str
    experiment_id: str
    name: str
    active: bool
    """Whether nobody deleted it."""
    status: str
    artifacts: str
    """Address of its files."""
    started: int
    tags: Mapping[str, str]
    last: Mapping[str, Point]
    """The point with the highest step of each metric."""
    params: Mapping[str, str] = field(default_factory=dict)


class Tracker(Protocol):
    """The record of runs; safe to use from several processes, a tracker itself from one thread at a time."""

    address: str

    def experiment(self, name: str) -> str:
        """The experiment of that name; made, or restored, where it is missing."""

    def find(self, experiment: str, tag: str, value: str) -> list[TrackedRun]:
        """Active runs with this tag, the oldest first."""

    def create(self, experiment: str, name: str, tags: Mapping[str, str], started: int) -> TrackedRun:
        """A new run."""

    def look(self, run_id: str) -> TrackedRun | None:
        """The run, also a deleted one, or nothing."""

    def delete(self, run_id: str) -> None:
        """Mark as deleted; it may be already."""

    def restore(self, run_id: str) -> None:
        """Undo that."""

    def write(self, run_id: str, points: Iterable[Point] = (), tags: Mapping[str, str] | None = None) -> None:
        """Points and tags, all in one request; tags replace those of the same name."""

    def params(self, run_id: str, values: Mapping[str, str]) -> None:
        """Parameters; another value for one that is there is refused."""

    def dataset(self, run_id: str, dataset: Dataset, context: str) -> None:
        """Say what it learned from; saying it again changes nothing."""

    def status(self, run_id: str, status: Status, ended: int | None = None) -> None:
        """Where it stands."""

    def artifact(self, run: TrackedRun, path: Path, name: str) -> None:
        """Keep a file under a name such as `pictures/curve.png`, replacing what was there."""

    def history(self, run_id: str, metric: str) -> list[Point]:
        """Every point of a metric, by step."""

    def page(self, run: TrackedRun) -> str:
        """Where a person looks at it; empty where there is no server."""

    def close(self) -> None:
        """Give connections back."""


def open_tracker(settings: "schema.MLflow", root: Path, timeout_seconds: float = 30.0) -> Tracker:
    """The tracker that the settings name; nobody is asked until it is used."""
    address = settings.tracking_uri
    if address.startswith(("http://", "https://")):
        from slipway.platform.runs.tracking.mlflow_server import MLflowServer

        password = settings.password.get_secret_value() if settings.password else ""
        return MLflowServer(address, settings.username, password, timeout_seconds)
    if address.startswith(SQLITE):
        from slipway.platform.runs.tracking.mlflow_file import MLflowFile

        return MLflowFile(Path(address.removeprefix(SQLITE)), root / ARTIFACTS)
    raise no_mlflow(address)


def no_mlflow(address: str) -> WrongUse:
    """What is said where the setting names nothing that MLflow could be."""
    return WrongUse(
        f"`{masked(address)}` is neither an MLflow server (http, https) nor a file (sqlite:///).",
        mend=f"Correct {SETTING}.",
    )
