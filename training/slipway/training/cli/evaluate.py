"""`slipway evaluate`: score predictions, ours or anybody's, the way that a run's own are scored."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from slipway.platform.cli.output import Json, print_json, print_table, say
from slipway.platform.cli.session import load_settings
from slipway.platform.errors import WrongUse
from slipway.training.cli.completing import models
from slipway.training.cli.remarks import remarks

if TYPE_CHECKING:
    from slipway.training.evaluation.judged import Difference, Evaluation, Measure

app = typer.Typer(add_completion=False)

BASELINE: Final = "baseline"
ROOM: Final = 4
"""Metrics that the table of slices has room for."""


@app.command()
def evaluate(  # noqa: PLR0913 - what a person may say
    model: Annotated[str, typer.Argument(help="The model, as `slipway models` lists them.", autocompletion=models)],
    *,
    predictions: Annotated[
        str | None,
        typer.Option(metavar="FILE|RUN", help="A table (.parquet, .csv, .jsonl), or a run that is done."),
    ] = None,
    baseline: Annotated[bool, typer.Option("--baseline", help="Score the model's baseline.")] = False,
    against: Annotated[
        str | None,
        typer.Option(metavar="FILE|RUN|baseline", help="Tell the difference from these, on the same rows."),
    ] = None,
    snapshot: Annotated[
        str | None, typer.Option(metavar="REF", help="A folder, digest or git revision; `data` unless given.")
    ] = None,
    split: Annotated[Literal["train", "validation", "test"], typer.Option(help="The rows that are judged.")] = "test",
    columns: Annotated[
        bool, typer.Option("--columns", help="Show which columns predictions have, and score nothing.")
    ] = False,
    draws: Annotated[int, typer.Option(min=1, help="Draws of the bootstrap.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the bootstrap.")] = 0,
    least: Annotated[int, typer.Option(min=1, help="Units from which a slice has intervals.")] = 50,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write all of it to a JSON file.")] = None,
    json: Json = False,
) -> None:
    """Score predictions against the truth of a snapshot: overall and per slice, with 95 % intervals.

    A table has one line for every row that is judged, in any order, with the columns that `--columns` shows. A table
    that is wrong is refused, with line and column. `--against` tells differences by paired bootstrap.
    """
    from slipway.training.cli.scoring import Scoring

    what = _chosen(predictions, baseline=baseline, columns=columns)
    loaded = load_settings()
    with remarks() as watch:
        scoring = Scoring.prepare(model, snapshot, split, loaded, watch)
        schema = scoring.predictions(BASELINE).schema if columns else None
        scored = None if columns else scoring.score(what, against, draws=draws, seed=seed, least=least)
    if schema is not None:
        _tell_columns([(field.name, str(field.type)) for field in schema], json=json)
    if scored is None:
        return
    report = {"model": model, "snapshot": scoring.snapshot.digest, "split": split, **scored.to_json()}
    if output is not None:
        _write(report, output)
    if json:
        print_json(report)
        return
    say(f"{what} on {split} of {scoring.snapshot.digest[:12]}, {draws} draws")
    _print_evaluation(scored.evaluation)
    if against is not None:
        _print_differences(scored.differences, scored.evaluation, against)


def _chosen(predictions: str | None, *, baseline: bool, columns: bool) -> str:
    """What is scored: exactly one thing is named, or none where only columns are asked for."""
    if columns and predictions is None:
        return BASELINE
    if baseline == (predictions is not None):
        raise WrongUse(
            "Both --predictions and --baseline were given." if baseline else "Nothing was given to score.",
            mend="Give either --predictions FILE or --baseline.",
        )
    return BASELINE if predictions is None else predictions


def _print_evaluation(evaluation: "Evaluation") -> None:
    falling = set(evaluation.falling)
    rows = [
        [name + (" (less is better)" if name in falling else ""), _told(one), str(one.units)]
        for name, one in evaluation.overall.items()
    ]
    print_table(["metric", "value (95 % interval)", "units"], rows)
    names = list(evaluation.overall)[:ROOM]
    if evaluation.slices:
        typer.echo()
        lines = [
            [f"{one.column}={one.name}", str(next(iter(one.measures.values())).units)]
            + [_told(one.measures[name]) for name in names]
            for one in evaluation.slices
        ]
        print_table(["slice", "units", *names], lines)
    if len(evaluation.overall) > ROOM:
        say(f"--json has the slices' other metrics: {', '.join(list(evaluation.overall)[ROOM:])}.")


def _print_differences(differences: "Sequence[Difference]", evaluation: "Evaluation", against: str) -> None:
    """All metrics overall, the headline in each slice."""
    typer.echo()
    shown = [one for one in differences if not one.column or one.metric == evaluation.headline]
    rows = [
        [
            f"{one.column}={one.name}" if one.column else "all",
            one.metric,
            _number(one.first),
            _number(one.second),
            _told(one.difference, sign=True),
            _verdict(one, evaluation.falling),
        ]
        for one in shown
    ]
    print_table(["slice", "metric", Path(against).name, "scored", "difference (95 % interval)", ""], rows)


def _verdict(one: "Difference", falling: Sequence[str]) -> str:
    from slipway.training.evaluation.assess import better, worse

    if one.difference.low is None:
        return "too few"
    return "better" if better(one, falling) else "worse" if worse(one, falling) else "undecided"


def _told(one: "Measure", *, sign: bool = False) -> str:
    if one.low is None or one.high is None:
        return _number(one.value, sign=sign)
    return f"{_number(one.value, sign=sign)} ({_number(one.low, sign=sign)} to {_number(one.high, sign=sign)})"


def _number(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "undefined"
    return f"{value:+.4f}" if sign else f"{value:.4f}"


def _tell_columns(columns: Sequence[tuple[str, str]], *, json: bool) -> None:
    if json:
        print_json([{"column": name, "type": kind} for name, kind in columns])
        return
    print_table(["column", "type"], columns)


def _write(report: Mapping[str, object], path: Path) -> None:
    import json

    from slipway.platform.runs.workplace import write_whole

    write_whole(path, json.dumps(report, indent=1, ensure_ascii=False).encode() + b"\n")
    say(f"written: {path}")
