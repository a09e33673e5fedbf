"""A sweep whose trials are jobs on a target: what the command knows of the place, and joins to the sweep."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slipway.platform.cli.output import say
from slipway.platform.jobs.submitting.forecasting import forecast_on
from slipway.platform.telling import money
from slipway.training.cli.sweep_telling import Spent, count_of
from slipway.training.submitting import Shape, composed_for, plan_for, request_of
from slipway.training.sweep.parent import tags_of
from slipway.training.sweep.running import overrides_of
from slipway.training.sweep.submitting import Submitting, told_price

if TYPE_CHECKING:
    from slipway.platform.jobs.api import Desk
    from slipway.platform.jobs.submitting.placing import Placement
    from slipway.platform.jobs.submitting.planning import Planned
    from slipway.platform.jobs.submitting.starting import Request
    from slipway.platform.runs.parts import Parts
    from slipway.training.config.compose import Composed
    from slipway.training.sweep.parent import Parent
    from slipway.training.sweep.running import Sweeping
    from slipway.training.sweep.space import Space


class Placed:
    """A model's sweep on a target; what the target cannot run is refused before anything is written."""

    def __init__(self, model: str, desk: "Desk", placement: "Placement", snapshot: str | None) -> None:
        from slipway.platform.jobs.targets import named_target

        self._model, self._desk, self._placement, self._snapshot = model, desk, placement, snapshot
        target = named_target(placement.target, desk.loaded.settings)
        self._shape = Shape(name=placement.target, target=target, nodes=placement.nodes)
        self._base: Planned | None = None
        self._jobs: Submitting | None = None

    def composed(self, texts: Sequence[str]) -> "Composed":
        """The config of a trial there."""
        found = composed_for(self._model, texts, self._shape)
        self._placement.checked(self._desk.loaded.settings, found.config)
        return found

    def base(self, space: "Space") -> "Parts":
        """The parts of a run there with all that does not vary."""
        self._base = self._plan(space.fixed)
        return self._base.parts

    def foretold(self, space: "Space", trials: int, *, json: bool) -> dict[str, Any]:
        """Where, and what it will probably cost."""
        place, budget = self._placement, self._placement.budget
        told: dict[str, Any] = {"on": f"{place.target}, {place.nodes} node{'s' if place.nodes > 1 else ''} each"}
        if budget is not None:
            told["budget"] = str(budget) if json else money(budget, self._shape.target.currency)
        expected = forecast_on(
            self._desk.store, self._base or self._plan(space.fixed), place, self._desk.loaded.settings
        )
        if json:
            return {**told, "price": expected.as_data()}
        return {**told, **told_price(expected, count_of(space, trials))}

    def submit_trials_of(
        self, sweeping: "Sweeping", parent: "Parent", *, trials: int, parallel: int, retry: bool
    ) -> None:
        """Have the sweep start its trials as jobs."""
        sweep, space, root = sweeping.sweep, sweeping.space, self._desk.loaded

        def request() -> "Request":
            return request_of(root, tags=tags_of(sweep, parent))

        self._jobs = Submitting(
            sweep.key,
            self._desk,
            self._placement,
            self._plan,
            request,
            sweeping.watcher.note,
            trials=count_of(space, trials),
            parallel=parallel,
            retry=retry,
            check=lambda planned: sweeping.check_code(planned.parts),
        )
        sweeping.start = self._jobs
        recorded = sweeping.records.trials()
        self._jobs.take_stock(
            recorded, sweeping.records.outcomes(), lambda trial: [*space.fixed, *overrides_of(trial.values)]
        )
        if self._base is not None:
            expected = forecast_on(self._desk.store, self._base, self._placement, self._desk.loaded.settings)
            for name, value in told_price(expected, count_of(space, trials) - len(recorded)).items():
                say(f"{name}: {value}")

    def spent(self) -> Spent:
        """What it cost."""
        if self._jobs is None or not self._shape.target.price_per_hour:
            return Spent()
        return Spent(money(self._jobs.cost(), self._shape.target.currency), self._jobs.short)

    def close(self) -> None:
        """Leave no job that was to stop without having told it."""
        if self._jobs is not None:
            self._jobs.close()

    def _plan(self, texts: Sequence[str]) -> "Planned":
        place = self._placement
        return plan_for(self._model, texts, self._desk, on=place.target, nodes=place.nodes, snapshot=self._snapshot)
