"""What `slipway evaluate` scores: predictions from a file, a run or the baseline, on one split of one snapshot."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.errors import SlipwayError, WrongUse

if TYPE_CHECKING:
    import pyarrow as pa

    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.settings import Loaded
    from slipway.training.evaluation.judged import Difference, Evaluation, Judged
    from slipway.training.task import Examples, Task

BASELINE: Final = "baseline"
PREDICTIONS: Final = "predictions.parquet"

Watch = Callable[[str], None]
"""Told what is being done."""


@dataclass(frozen=True)
class Scored:
    """What is said of predictions, and how they differ from others."""

    predictions: str
    against: str | None
    evaluation: "Evaluation"
    differences: "tuple[Difference, ...]"

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "predictions": self.predictions,
            "against": self.against,
            "evaluation": self.evaluation.model_dump(mode="json"),
            "differences": [one.model_dump(mode="json") for one in self.differences],
        }


@dataclass(frozen=True)
class Scoring:
    """A model's task and the rows that are judged."""

    task: "Task[Any]"
    snapshot: "Snapshot"
    examples: "Examples"
    loaded: "Loaded"
    watch: Watch

    @classmethod
    def prepare(cls, model: str, reference: str | None, split: str, loaded: "Loaded", watch: Watch) -> "Scoring":
        """Read what is true, as the model's own config looks at it."""
        from importlib import import_module

        from slipway.platform.data.reference import resolve
        from slipway.training.config.compose import compose
        from slipway.training.reading.trusted import Trusted, trusted_examples

        composed = compose(model)
        watch(f"importing {model}")
        task = import_module(f"{composed.model.package}.task").build(composed.typed)
        watch("reading the snapshot")
        snapshot = Trusted(resolve(reference, loaded, images=True))
        return cls(task, snapshot, trusted_examples(task, snapshot, split), loaded, watch)

    def predictions(self, what: str) -> "pa.Table":
        """A table: of the baseline, from a file, or of a run that is done."""
        from slipway.training.evaluation.files import ENDINGS, read_predictions

        if what == BASELINE:
            self.watch("computing the baseline")
            return self.task.baseline(self.snapshot, self.examples)
        path = Path(what)
        if path.suffix.lower() in ENDINGS or path.exists():
            return read_predictions(path)
        return self._of_run(what)

    def judged(self, what: str) -> "Judged":
        """The same, held against the truth; what is wrong with it is told with its name."""
        predictions = self.predictions(what)
        self.watch(f"judging {predictions.num_rows:,} lines of {what}")
        try:
            return self.task.judge(predictions, self.examples)
        except WrongUse as error:
            raise WrongUse(f"{what}: {error}", mend=error.mend) from None

    def score(self, what: str, against: str | None, *, draws: int, seed: int, least: int) -> Scored:
        """Values and intervals; with `against` also what `what` has more than that, on the same draws."""
        from slipway.training.evaluation.assess import assess, paired

        judged = self.judged(what)
        other = None if against is None else self.judged(against)
        evaluation = assess(judged, draws=draws, seed=seed, least=least, progress=self._counting("drawing"))
        differences: tuple[Difference, ...] = ()
        if other is not None:
            progress = self._counting("comparing")
            differences = paired(other, judged, draws=draws, seed=seed, least=least, progress=progress)
        return Scored(what, against, evaluation, differences)

    def _counting(self, verb: str) -> Callable[[int, int], None]:
        return lambda done, of: self.watch(f"{verb}: {done} of {of}")

    def _of_run(self, name: str) -> "pa.Table":
        from slipway.platform.runs.find import find
        from slipway.platform.runs.results import fetch_file, load_result
        from slipway.platform.store import open_store
        from slipway.training.evaluation.files import read_predictions

        settings = self.loaded.settings
        store = open_store(settings.store, settings.s3)
        self.watch(f"looking for the run {name}")
        try:
            result = load_result(store, find(store, name))
        except WrongUse as error:
            raise WrongUse(f"`{name}` is no file. {error}", mend=error.mend) from None
        if result is None:
            raise SlipwayError(
                f"The run `{name}` has no result yet.",
                mend=f"Wait until it is done; `slipway why {name}` tells about it.",
            )
        with TemporaryDirectory(prefix="slipway-") as folder:
            path = Path(folder) / PREDICTIONS
            fetch_file(store, result, PREDICTIONS, path)
            return read_predictions(path)
