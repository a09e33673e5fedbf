"""Fitting a task as an order says, from the first step or from a checkpoint, up to the files of the result.

`fit` is what a child runs, and what a test or a notebook may call for one process. It promises: the weights are a
function of config, data, code and environment, wherever it was interrupted; rank 0 alone writes; a failure leaves a
note with step and samples.
"""

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from slipway.platform.runs.workplace import Order, Workplace
from slipway.training.evaluation.assess import assess, paired
from slipway.training.fitting import environment, failure, lightning, results
from slipway.training.fitting.processes import Place, joined
from slipway.training.fitting.run import Run, Surroundings
from slipway.training.fitting.stopping import Request, Stopped
from slipway.training.fitting.telling import NotANumber
from slipway.training.pictures.curves import draw_curves
from slipway.training.task import Examples, Task

ALONE: Final = Place()


def fit(
    task: Task[Any], order: Order, workplace: Workplace, *, place: Place = ALONE, request: Request | None = None
) -> None:
    """Train, judge, and write the result; `Stopped` where `request` asked for it."""
    config = task.config
    place.check(config.trainer)
    device = place.device(config.trainer)
    asked = request or Request()
    with lightning.exact(config.trainer.threads), lightning.quiet(), joined(place, device) as group:
        surroundings = Surroundings(order, workplace, place, device, group, asked)
        with Run(task, surroundings) as run:
            try:
                _tell_environment(run)
                run.resume()
                run.train()
                asked.finish()
                _conclude(run)
            except Stopped:
                run.note(f"stopped at step {run.state.step}, as asked")
                raise
            except BaseException as error:
                _note_failure(run, error)
                raise


def _tell_environment(run: Run) -> None:
    if run.journal is not None:
        found = environment.environment(run.given.device)
        run.journal.write("facts", values=environment.facts(found, run.given.place.world))


def _conclude(run: Run) -> None:
    """The final judgement on the test split, and the files of the result."""
    examples = run.examples("test")
    heads = run.heads(examples, "test")
    if heads is None or run.journal is None:
        return
    run.telling.progress("judge")
    task, seed = run.task, run.config.seed
    predictions = task.predictions(heads, examples)
    judged = task.judge(predictions, examples)
    baseline = task.judge(task.baseline(run.snapshot, examples), examples)
    report = results.Report(
        evaluation=assess(judged, seed=seed),
        baseline=assess(baseline, seed=seed),
        differences=paired(baseline, judged, seed=seed),
        validation=tuple(results.Validation(step=step, metrics=values) for step, values in run.state.history),
        best_step=run.state.best_step,
    )
    tensors = results.weights(run.learner.best, run.learner.criterion)
    final = results.Final(predictions, judged, report)
    found = environment.environment(run.given.device)
    results.write(run.given.workplace, final, tensors, run.trail, examples, found)
    _draw(run, final, examples)
    results.finish(run.given.workplace, run.state, report, run.journal)
    run.telling.progress("done")


def _draw(run: Run, final: results.Final, examples: Examples) -> None:
    """Curves and the task's pictures. What cannot be drawn is told and costs the run nothing else."""
    folder = run.given.workplace.results / "pictures"
    folder.mkdir(exist_ok=True)
    _drawn(run, lambda: [draw_curves(results.curves(run.state, run.trail), folder / "curves.png")])
    _drawn(run, lambda: run.task.pictures(final.judged, examples, folder))


def _drawn(run: Run, draw: Callable[[], Sequence[Path]]) -> None:
    """Draw some pictures, and tell of them."""
    if run.journal is None:
        return
    try:
        drawn = draw()
    except Exception:  # noqa: BLE001 - the weights are good all the same
        run.note(f"a picture could not be drawn: {traceback.format_exc()}")
        return
    for path in drawn:
        name = path.relative_to(run.given.workplace.results).as_posix()
        run.journal.write("picture", name=path.stem, file=name, step=run.state.step)


def _note_failure(run: Run, error: BaseException) -> None:
    """Which step it was, and what was in its batch."""
    step = run.state.step
    if run.feed.failed is not None and run.feed.failed[1] is error:
        step = run.feed.failed[0]
    elif isinstance(error, NotANumber):
        step = error.step
    samples = run.feed.samples(step) if run.working and step < run.course.total else ()
    failure.note(run.given.workplace, error, step=step, samples=samples, rank=run.given.place.rank)
