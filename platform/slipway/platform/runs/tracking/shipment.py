"""What one attempt has to tell MLflow, sent piece by piece.

Points arrive exactly once. MLflow is asked for the last step of each metric, and what is not behind it is left out: a
resumed training repeats steps bit by bit, and another sender may have been before us. What is sent again after a lost
answer is the same row, because an event keeps its time.

Nothing here waits or tries twice. A call that raises `TrackingUnreachable` may be repeated after `begin`, in this
process or another one; what had arrived is then left out. Files travel when all points have: that the place for files
is away holds up no metric. What MLflow refuses for good is left out and told in `refused`.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from slipway.platform.runs.records import Outcome, State
from slipway.platform.runs.results import EVALUATION
from slipway.platform.runs.standing import spec_of
from slipway.platform.runs.tracking.binding import Wanted, bind
from slipway.platform.runs.tracking.chunk import read_chunk
from slipway.platform.runs.tracking.described import Described, attempt_tag, earlier_attempts, key_name
from slipway.platform.runs.tracking.tracker import (
    MOST_PARAMS,
    MOST_POINTS,
    Point,
    Status,
    TrackedRun,
    Tracker,
    TrackingRefused,
    TrackingUnreachable,
)
from slipway.platform.runs.workplace import Workplace
from slipway.platform.store import Store

ENDED: Final[Mapping[State, Status]] = {
    State.RUNNING: "RUNNING",
    State.DONE: "FINISHED",
    State.FAILED: "FAILED",
    State.LOST: "FAILED",
    State.CANCELLED: "KILLED",
    State.RESUMABLE: "KILLED",
}
STATE_TAG: Final = "slipway.state"
MOST_REFUSALS: Final = 20
"""As many are told."""
LONGEST_LOG: Final = 5 * 1024 * 1024
KEPT: Final = (EVALUATION, "environment.json")
"""Files of a result that people look at in MLflow; the store has them all."""


class RunGone(TrackingUnreachable):
    """Somebody deleted the run: `begin` brings it back."""


class Shipment:
    """From one journal to one MLflow run."""

    def __init__(self, store: Store, tracker: Tracker, described: Described, workplace: Workplace) -> None:
        self._store, self._tracker = store, tracker
        self._described, self._workplace = described, workplace
        self._offset = 0
        self._last: dict[str, int] = {}
        self._files: dict[str, Path | str] = {}
        self._told = False
        self.run: TrackedRun | None = None
        self.shipped = 0
        """Events that are dealt with."""
        self.refused: list[str] = []
        """What MLflow will never take, each with its reason."""

    @property
    def page(self) -> str:
        """Where a person looks at the run, once it is bound."""
        return self._tracker.page(self.run) if self.run else ""

    @property
    def newest(self) -> bool:
        """Whether there is no later attempt at the work, whose shipper may be at it already."""
        return spec_of(self._store, self._described.parts.key, self._described.spec.number + 1) is None

    def begin(self) -> None:
        """Bind the run, say what it is, and ask what is there; also after trouble."""
        spec = self._described.spec
        started = int(spec.created.timestamp() * 1000)
        tags = self._described.tags()
        run = bind(
            self._store,
            self._tracker,
            Wanted(self._described.parts.key, self._described.model, spec.name, started, tags),
        )
        if self.run is None or run.run_id != self.run.run_id:
            self._offset, self.shipped, self._told = 0, 0, False
        self.run, self._last = run, {metric: point.step for metric, point in run.last.items()}
        if not self._told:
            before = earlier_attempts(self._store, self._described.parts.key, spec.number)
            self._tell(run, {**tags, **before, **attempt_tag(spec), STATE_TAG: State.RUNNING.value})
            self._told = True

    def advance(self) -> bool:
        """Send the next chunk, or the files when nothing is new, which is False."""
        chunk = read_chunk(self._workplace.journal, self._offset, self._last)
        if chunk is None:
            self._send_files()
            return False
        self._write(chunk.points, chunk.facts)
        self._last.update(chunk.last)
        self._offset = chunk.end
        self.shipped += chunk.events
        for what in chunk.refused:
            self._refuse(what)
        results = self._workplace.results
        self._files.update({key_name(name): results / name for name in chunk.pictures})
        return True

    def finish(self, outcome: Outcome) -> None:
        """Say how it ended, when everything else has been sent; how the work stands is the newest attempt's to say."""
        spec = self._described.spec
        self._files.update(self._last_files(spec.number))
        self._send_files()
        tag = attempt_tag(spec, outcome)
        if not self.newest:
            self._write([], tag)
            return
        self._write([], {**tag, STATE_TAG: outcome.state.value})
        run = self._bound()
        self._tracker.status(run.run_id, ENDED[outcome.state], int(outcome.ended.timestamp() * 1000))

    def _tell(self, run: TrackedRun, tags: Mapping[str, str]) -> None:
        self._tracker.status(run.run_id, "RUNNING")
        self._write([], tags)
        params = {name: value for name, value in self._described.params().items() if run.params.get(name) != value}
        for some in batched_items(params, MOST_PARAMS):
            with self._refusals("parameters"):
                self._tracker.params(run.run_id, some)
        with self._refusals("the snapshot"):
            self._tracker.dataset(run.run_id, self._described.dataset(), "training")
        self._files.update(self._described.files())

    def _write(self, points: Sequence[Point], tags: Mapping[str, str]) -> None:
        for start in range(0, len(points), MOST_POINTS):
            self._write_or_split(points[start : start + MOST_POINTS], {})
        for few in batched_items(tags, MOST_PARAMS):
            self._write_or_split((), few)

    def _write_or_split(self, points: Sequence[Point], tags: Mapping[str, str]) -> None:
        """What is refused together is tried in halves, so that one bad value takes no good one with it."""
        try:
            self._tracker.write(self._bound().run_id, points, tags)
        except TrackingRefused as error:
            self._check_active()
            if len(points) + len(tags) == 1:
                self._refuse(f"{next(iter(tags), '') or points[0].metric}: {error}")
                return
            names = list(tags)
            for half in (slice(None, len(names) // 2), slice(len(names) // 2, None)):
                if names[half]:
                    self._write_or_split((), {name: tags[name] for name in names[half]})
            for half in (slice(None, len(points) // 2), slice(len(points) // 2, None)):
                if points[half]:
                    self._write_or_split(points[half], {})

    def _send_files(self) -> None:
        """The files that wait; what cannot be sent now goes on waiting."""
        run = self._bound()
        trouble: TrackingUnreachable | None = None
        for name, content in list(self._files.items()):
            try:
                self._send_file(run, name, content)
            except FileNotFoundError:
                self._refuse(f"{name}: the file is gone")
            except TrackingRefused as error:
                self._refuse(f"{name}: {error}")
            except TrackingUnreachable as error:
                trouble = error
                break
            del self._files[name]
        if trouble is not None:
            raise trouble

    def _send_file(self, run: TrackedRun, name: str, content: Path | str) -> None:
        if isinstance(content, Path):
            self._tracker.artifact(run, content, name)
            return
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / name.rpartition("/")[2]
            path.write_text(content, encoding="utf-8")
            self._tracker.artifact(run, path, name)

    def _last_files(self, number: int) -> Iterator[tuple[str, Path | str]]:
        place = self._workplace
        for name in KEPT:
            if (place.results / name).is_file():
                yield name, place.results / name
        if place.failure.is_file():
            yield f"attempts/{number}/failure.json", place.failure
        if place.log.is_file():
            yield f"attempts/{number}/log.txt", end_of(place.log)

    @contextmanager
    def _refusals(self, what: str) -> Iterator[None]:
        """Go on without what MLflow does not take."""
        try:
            yield
        except TrackingRefused as error:
            self._check_active()
            self._refuse(f"{what}: {error}")

    def _refuse(self, what: str) -> None:
        if len(self.refused) < MOST_REFUSALS:
            self.refused.append(what)

    def _check_active(self) -> None:
        found = self._tracker.look(self._bound().run_id)
        if found is None or not found.active:
            raise RunGone(f"Somebody deleted the MLflow run of {self._described.parts.key}.")

    def _bound(self) -> TrackedRun:
        if self.run is None:
            raise RunGone("The MLflow run is not bound yet.")
        return self.run


def end_of(path: Path) -> str:
    """A log's last part, from a line's beginning."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - LONGEST_LOG))
        text = file.read().decode(errors="replace")
    return text if size <= LONGEST_LOG else f"…\n{text.partition(chr(10))[2]}"


def batched_items(values: Mapping[str, str], most: int) -> Iterator[dict[str, str]]:
    """The mapping in pieces."""
    names = list(values)
    for start in range(0, len(names), most):
        yield {name: values[name] for name in names[start : start + most]}
