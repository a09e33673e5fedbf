"""What `slipway sweep` says before and after: how the request was understood, what came of it, how to get the best."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from slipway.platform.cli.output import print_fields, print_json, print_table, say

if TYPE_CHECKING:
    from slipway.platform.jobs.submitting.placing import Placement
    from slipway.training.sweep.records import Sweep
    from slipway.training.sweep.running import Stand, Sweeping
    from slipway.training.sweep.space import Space


@dataclass(frozen=True)
class Asked:
    """What of the command line goes into the command that is printed."""

    snapshot: str | None = None
    placement: "Placement | None" = None
    """Where the trials are jobs."""

    @property
    def options(self) -> list[str]:
        """As they are written."""
        data = ["--snapshot", self.snapshot] if self.snapshot else []
        if self.placement is None:
            return data
        nodes = ["--nodes", str(self.placement.nodes)] if self.placement.nodes > 1 else []
        return [*data, "--on", self.placement.target, *nodes]


@dataclass(frozen=True)
class Spent:
    """What a sweep on a target cost, in words; empty where nothing has a price."""

    cost: str = ""
    short: str = ""
    """Why no further trial started, where the budget is why."""


def foretell(space: "Space", planned: "Sweep", trials: int, more: Mapping[str, Any], *, json: bool) -> None:
    """What would happen; `more` is about where."""
    from slipway.training.sweep.running import overrides_of
    from slipway.training.sweep.suggesting import suggest

    falling = bool(planned.falling)
    first = suggest(space, [], seed=planned.seed, trials=trials, falling=falling) or {}
    told: dict[str, Any] = {
        "sweep": planned.key,
        "model": planned.model,
        "fixed": " ".join(space.fixed) or "nothing",
        "varies": ", ".join(planned.space),
        "combinations": "without end" if space.size is None else str(space.size),
        "trials": str(count_of(space, trials)),
        "first": " ".join(overrides_of(first)),
        **more,
    }
    print_json(told) if json else print_fields(told)


def count_of(space: "Space", trials: int) -> int:
    """How many trials there will be at most."""
    return trials if space.size is None else min(trials, space.size)


def best_tags(best: "Stand | None") -> dict[str, str]:
    """The best trial, for MLflow."""
    if best is None or best.outcome is None:
        return {}
    return {**best.trial.values, "trial": str(best.trial.number), "score": f"{best.outcome.score:.6g}"}


def report(sweeping: "Sweeping", found: "list[Stand]", asked: Asked, spent: Spent, *, json: bool, page: str) -> None:
    """What came of it."""
    best = sweeping.best()
    command = _command(sweeping.space, best, asked)
    if spent.short:
        say(spent.short)
    if json:
        trials = [{"number": one.trial.number, "values": dict(one.trial.values), **(_ended(one))} for one in found]
        number = best.trial.number if best else None
        told = {"sweep": sweeping.sweep.key, "trials": trials, "best": number, "command": command, "mlflow": page}
        print_json({**told, "cost": spent.cost or None})
        return
    _table(found, best)
    undone = sum(one.outcome is None for one in found)
    if undone:
        raised = " with a greater budget" if spent.short else ""
        say(f"{undone} of {len(found)} trials are not ended: start the same again{raised} and it goes on.")
    if best is not None and best.outcome is not None:
        typer.echo(f"\nbest: trial {best.trial.number}, {best.outcome.metric} {best.outcome.score:.4f}\n  {command}")
    for line in (f"cost: {spent.cost}" if spent.cost else "", page):
        if line:
            typer.echo(line)


def _ended(one: "Stand") -> dict[str, Any]:
    return one.outcome.model_dump(mode="json", exclude={"number"}) if one.outcome else {"state": "unfinished"}


def _table(found: "list[Stand]", best: "Stand | None") -> None:
    from slipway.training.cli.sweep_progress import table_of

    print_table(*table_of(found, best.outcome.metric if best and best.outcome else "score"))


def _command(space: "Space", best: "Stand | None", asked: Asked) -> str:
    """What a person types to get the best trial's run."""
    import shlex

    from slipway.training.sweep.running import overrides_of

    if best is None:
        return ""
    verb = "submit" if asked.placement else "train"
    return shlex.join(
        ["slipway", verb, space.model.name, *space.fixed, *overrides_of(best.trial.values), *asked.options]
    )
