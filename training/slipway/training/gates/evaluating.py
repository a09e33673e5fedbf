"""Evaluating one bundle on the test split of one snapshot, in the child of a piece of work.

Every variant is run by `serving.runtime.open_session`, as on a device, with one thread. One that does not load or run
there is written down as unfit and the others go on: a verdict says of each what it is. FP16 and the INT8 variants for
TensorRT run on ONNX Runtime's processor provider, which says what their numbers are worth and not how fast they are.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow.parquet as pq

from slipway.platform.errors import WrongUse
from slipway.platform.runs.journal import Journal
from slipway.platform.runs.workplace import write_whole
from slipway.serving.bundle.arrays import read_arrays
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import GOLDEN, Variant
from slipway.serving.errors import SlipwayError as ServingError
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.inputs import seeded_inputs
from slipway.serving.runtime.measuring import answers_apart
from slipway.serving.runtime.session import open_session
from slipway.training.evaluation.assess import assess
from slipway.training.evaluation.judged import Evaluation, Judged, Measure
from slipway.training.fitting.results import samples
from slipway.training.gates import heads as running
from slipway.training.gates.costs import measured
from slipway.training.gates.distortions import DisturbedSource, spread
from slipway.training.gates.records import (
    CHECKPOINT,
    PRECISE_FIRST,
    REPORT,
    ROWS,
    SPLIT,
    WEIGHTS,
    Asked,
    Disturbed,
    HeadDifference,
    Report,
    evaluation_file,
    predictions_file,
    samples_file,
)
from slipway.training.gates.restricted import restricted
from slipway.training.reading.trusted import Trusted, trusted_examples

if TYPE_CHECKING:
    import pyarrow as pa

    from slipway.platform.data.snapshot import Snapshot
    from slipway.training.gates.heads import Answer, Heads
    from slipway.training.task import Examples, Task

PAUSE: Final = 0.5


@dataclass
class Telling:
    """Progress for whoever watches, not oftener than is worth it."""

    journal: Journal
    said: float = field(default_factory=time.monotonic)

    def of(self, phase: str) -> Callable[[int, int], None]:
        """Told how far a phase is."""

        def tell(done: int, everything: int) -> None:
            if done == everything or time.monotonic() - self.said >= PAUSE:
                self.said = time.monotonic()
                self.journal.write("progress", step=done, steps=everything, phase=phase)

        return tell


@dataclass
class Evaluating:
    """One bundle on one split."""

    bundle: Bundle
    task: "Task[Any]"
    snapshot: "Snapshot"
    examples: "Examples"
    asked: Asked
    results: Path
    telling: Telling
    unfit: dict[str, str] = field(default_factory=dict)
    heads: dict[str, Mapping[str, HeadDifference]] = field(default_factory=dict)
    disturbed: list[Disturbed] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    judged: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, bundle: Bundle, task: "Task[Any]", snapshot: "Snapshot", asked: Asked, results: Path, journal: Journal
    ) -> "Evaluating":
        """With the rows that are judged."""
        snapshot = Trusted.of(snapshot)
        examples = trusted_examples(task, snapshot, SPLIT)
        running.check_input(bundle.manifest.contract, examples.source)
        results.mkdir(parents=True, exist_ok=True)
        return cls(bundle, task, snapshot, examples, asked, results, Telling(journal))

    def all(self) -> None:
        """Everything that is asked, ending with the report."""
        pq.write_table(self.examples.rows.select(["sample"]), self.results / ROWS)
        weights = self.bundle.folder / WEIGHTS
        wanted = self._checkpoint(weights) if weights.is_file() else None
        costs, machine = measured(self.bundle, self.asked, self.unfit, self.telling.of)
        apart = {one.variant for one in costs}
        for variant in [one for one in PRECISE_FIRST if one in self.bundle.manifest.variants and one not in self.unfit]:
            try:
                if variant not in apart:
                    self._tried(variant)
                found = self._variant(variant, wanted)
            except ServingError as error:
                self.unfit[variant] = str(error)
                continue
            wanted = wanted or found
        report = Report(
            bundle=self.bundle.digest,
            rows=self.examples.count,
            variants=tuple(self.judged),
            unfit=self.unfit,
            heads=self.heads,
            disturbed=tuple(self.disturbed),
            costs=costs,
            machine=machine,
        )
        write_whole(self.results / REPORT, report.model_dump_json(indent=1).encode())

    def _checkpoint(self, weights: Path) -> "Heads":
        answer = running.answer_of_network(self.task, self.snapshot, weights)
        found = running.heads_of(self.examples.source, answer, running.BATCH, self.telling.of(CHECKPOINT))
        running.check_finite(found)
        self._judge(CHECKPOINT, found)
        return found

    def _tried(self, variant: Variant) -> None:
        """Run it once as costs are measured, in a process with limits: it may exhaust the machine, or never end."""
        contract = self.bundle.manifest.contract
        answers_apart(self.bundle.path(variant), contract, seeded_inputs(contract))

    def _variant(self, variant: Variant, wanted: "Heads | None") -> "Heads":
        contract = self.bundle.manifest.contract
        session = open_session(self.bundle.path(variant), contract)
        try:
            answer = running.answer_of_session(session, contract)
            found = running.heads_of(self.examples.source, answer, running.batch_of(contract), self.telling.of(variant))
            running.check_finite(found)
            evaluation, judged = self._judge(variant, found)
            if wanted is not None:
                self.heads[variant] = with_golden(
                    running.differences(found, wanted), golden_differences(self.bundle.folder / GOLDEN, answer)
                )
            if variant in preferred(self.asked, self.bundle.manifest.variants):
                self.disturbed += list(self._disturbed(variant, found, judged, answer, evaluation))
        finally:
            session.close()
        return found

    def _judge(self, name: str, found: "Heads") -> tuple[Evaluation, Judged]:
        predictions, judged = self._judged(found)
        asked = self.asked
        evaluation = assess(
            judged, draws=asked.draws, seed=asked.seed, least=asked.least, progress=self.telling.of(f"judge {name}")
        )
        pq.write_table(predictions, self.results / predictions_file(name))
        pq.write_table(samples(judged, self.examples), self.results / samples_file(name))
        write_whole(self.results / evaluation_file(name), evaluation.model_dump_json(indent=1).encode())
        values = {f"{name}/{metric}": one.value for metric, one in evaluation.overall.items() if one.value is not None}
        self.metrics |= values
        self.judged.append(name)
        return evaluation, judged

    def _judged(self, found: "Heads") -> "tuple[pa.Table, Judged]":
        try:
            predictions = self.task.predictions(found, self.examples)
            return predictions, self.task.judge(predictions, self.examples)
        except WrongUse as error:
            raise ModelUnfit(f"Its answers cannot be judged: {error}") from None

    def _disturbed(
        self,
        variant: Variant,
        clean: "Heads",
        judged: Judged,
        answer: "Answer",
        evaluation: Evaluation,
    ) -> Iterator[Disturbed]:
        """What each disturbance costs, counted on the rows that were disturbed alone."""
        rows = spread(self.examples.count, self._rows_for(judged))
        names = set(np.array(self.examples.rows["sample"].to_pylist(), np.str_)[rows].tolist())
        before = _values(judged, names, evaluation)
        for one in self.asked.disturbances:
            source = DisturbedSource(self.examples.source, rows, one.distortion, one.strength)
            phase = f"{variant}, {one.words}"
            found = running.heads_of(
                source, answer, running.batch_of(self.bundle.manifest.contract), self.telling.of(phase)
            )
            running.check_finite(found)
            mixed = {name: _replaced(clean[name], rows, found[name]) for name in clean}
            after = _values(self._judged(mixed)[1], names, evaluation)
            yield Disturbed(variant=variant, disturbance=one, clean=before, disturbed=after, rows=len(rows))

    def _rows_for(self, judged: Judged) -> int:
        """Where units cannot be told by their samples, all rows are disturbed."""
        return self.asked.disturbed_rows if judged.samples.num_rows == judged.units else self.examples.count


def evaluate(
    bundle: Bundle, task: "Task[Any]", snapshot: "Snapshot", asked: Asked, results: Path, journal: Journal
) -> dict[str, float]:
    """Write all files of the result; the metrics of every variant."""
    evaluating = Evaluating.of(bundle, task, snapshot, asked, results, journal)
    evaluating.all()
    return evaluating.metrics


def golden_differences(path: Path, answer: "Answer") -> dict[str, float]:
    """How far the answers to the golden inputs are from the checkpoint's, by output; none where they are not there."""
    golden = read_arrays(path) if path.is_file() else {}
    inputs = [one for name, one in golden.items() if name.startswith("in.")]
    wanted = {name.partition(".")[2]: one for name, one in golden.items() if name.startswith(f"{CHECKPOINT}.")}
    found = answer(np.asarray(inputs[0], np.uint8)) if inputs and wanted else {}
    running.check_finite(found)
    compared = running.differences(found, {name: one for name, one in wanted.items() if name in found})
    return {name: one.greatest for name, one in compared.items()}


def with_golden(found: Mapping[str, HeadDifference], golden: Mapping[str, float]) -> dict[str, HeadDifference]:
    """The same, with what the golden inputs say."""
    return {name: one.model_copy(update={"golden": golden.get(name)}) for name, one in found.items()}


def preferred(asked: Asked, there: Collection[Variant]) -> tuple[Variant, ...]:
    """Of the bundle's variants the one that each device class likes best, each once."""
    liked = (next((one for one in device.variants if one in there), None) for device in asked.devices.values())
    return tuple(dict.fromkeys(one for one in liked if one is not None))


def _values(judged: Judged, names: set[str], evaluation: Evaluation) -> dict[str, Measure]:
    """The metrics on the units whose samples these are."""
    if judged.samples.num_rows == judged.units:
        chosen = np.array([sample in names for sample in judged.samples["sample"].to_pylist()], bool)
        judged = restricted(judged, chosen)
    ones = np.ones(judged.units)
    found = {name: float(judged.metrics[name](ones)) for name in evaluation.overall}
    return {name: Measure(value=one if np.isfinite(one) else None, units=judged.units) for name, one in found.items()}


def _replaced(clean: Any, rows: Any, found: Any) -> Any:  # noqa: ANN401 - arrays
    mixed = clean.copy()
    mixed[rows] = found
    return mixed
