"""Starts a sweep's trials as jobs on a target, within the sweep's budget.

A trial's work is named as `slipway submit` names it: what is done is found, what runs is attached to, whatever the
budget says. Only what would cost something new has to fit into the budget, and has what it may cost as its own limit.
The code must be that of the whole sweep, so a change is noticed before anything of it is submitted.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Final

from slipway.platform.jobs.api import Desk
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.spending import spent
from slipway.platform.jobs.submitting.forecasting import Forecast, forecast_on
from slipway.platform.jobs.submitting.placing import Placement
from slipway.platform.jobs.submitting.planning import Planned
from slipway.platform.jobs.submitting.starting import Request
from slipway.platform.runs.standing import Standing, standing
from slipway.platform.telling import money
from slipway.training.sweep.budget import SMALLEST, Purse
from slipway.training.sweep.records import Outcome, Trial
from slipway.training.sweep.submitted import SubmittedTrial, Tell
from slipway.training.sweep.work import Work

NOTHING: Final = Decimal(0)


class Submitting:
    """The jobs of one sweep."""

    def __init__(  # noqa: PLR0913 - what, where, and how much of it
        self,
        sweep: str,
        desk: Desk,
        placement: Placement,
        plan: Callable[[Sequence[str]], Planned],
        request: Callable[[], Request],
        tell: Tell,
        *,
        trials: int,
        parallel: int,
        retry: bool = False,
        check: Callable[[Planned], None] = lambda _: None,
        pause_seconds: float | None = None,
    ) -> None:
        self._sweep, self._desk, self._placement, self._plan, self._request = sweep, desk, placement, plan, request
        self._tell, self._trials, self._parallel, self._retry, self._check = tell, trials, parallel, retry, check
        self._pause_seconds = pause_seconds
        self._turn, self._counting = threading.Lock(), threading.Lock()
        self._started: dict[int, SubmittedTrial] = {}
        self._works: dict[int, Work] = {}
        self._promised: dict[int, Decimal] = {}
        """What a trial under way may cost this sweep at most, over all its attempts."""
        self._before: list[Decimal] = []
        """What the trials cost that ended before this process began."""
        self.short = ""
        """Why no trial starts any more, where the budget is why."""

    def __call__(self, number: int, texts: Sequence[str]) -> SubmittedTrial | None:
        """Submit, attach or find the trial; None where it would cost more than is left."""
        work = self._work(number, texts)
        now = self._standing(work)
        there = now.under_way or now.result is not None
        placement = self._attached(number) if there else self._allowed(number)
        if placement is None:
            return None
        placed = replace(work, placement=placement)
        again = partial(self._allowed, number)
        trial = SubmittedTrial(placed, self._desk, self._turn, self._tell, again, pause_seconds=self._pause_seconds)
        self._started[number] = trial
        return trial

    def take_stock(
        self, trials: Iterable[Trial], outcomes: Mapping[int, Outcome], texts: Callable[[Trial], Sequence[str]]
    ) -> None:
        """Know what the trials cost, and may cost, that were begun before this process was."""
        self._before = [one.cost for one in outcomes.values()]
        waiting = (trial for trial in trials if trial.number not in outcomes)
        for trial in waiting if self._placement.budget is not None else ():
            work = self._work(trial.number, texts(trial))
            now = self._standing(work)
            if now.under_way and work.is_ours(now.spec):
                self._promised[trial.number] = self._still_allowed(work, now)

    def cost(self) -> Decimal:
        """Of all trials of this sweep that it knows, so far."""
        costs = (work.cost(self._desk.store, work.job(self._desk)) for work in self._works.values())
        return sum((*self._before, *costs), NOTHING)

    def forecast(self) -> Forecast:
        """What a trial will probably take."""
        work = next(iter(self._works.values()), None)
        if work is None:
            return Forecast(0)
        return forecast_on(self._desk.store, work.planned, self._placement, self._desk.loaded.settings)

    def close(self) -> None:
        """Leave the jobs that are still under way: those who were asked to stop are told so first."""
        for trial in self._started.values():
            if not trial.over:
                trial.stop(at_once=True)
        for trial in self._started.values():
            trial.join()

    def _work(self, number: int, texts: Sequence[str]) -> Work:
        if number not in self._works:
            planned = self._plan(texts)
            self._check(planned)
            self._works[number] = Work(self._sweep, planned, self._request(), self._placement, self._retry)
        return self._works[number]

    def _standing(self, work: Work) -> Standing:
        return standing(self._desk.store, work.key, self._desk.here)

    def _attached(self, number: int) -> Placement:
        """For work that costs nothing new, unless it is lost just now."""
        if self._placement.budget is None:
            return self._placement
        with self._counting:
            return replace(self._placement, budget=max(self._purse().free, SMALLEST) + self._spent(number))

    def _allowed(self, number: int) -> Placement | None:
        """With what the job may cost in all, where it may start."""
        if self._placement.budget is None:
            return self._placement
        with self._counting:
            running = sum(not one.over for other, one in self._started.items() if other != number)
            to_come = self._trials - len(self._before) - len(self._works) + 1
            self._promised.pop(number, None)
            purse = self._purse()
            limit = purse.limit(min(self._parallel - running, to_come))
            if limit is None:
                self.short = purse.told(self._currency)
                return None
            self.short = ""
            self._promised[number] = self._works[number].cost(self._desk.store, self._job(number)) + limit
            return replace(self._placement, budget=limit + self._spent(number))

    def _job(self, number: int) -> JobSpec:
        return self._works[number].job(self._desk)

    def _spent(self, number: int) -> Decimal:
        """What the work cost before, whoever had it done: a job's own limit is for all attempts."""
        return spent(self._desk.store, self._job(number))

    @property
    def _currency(self) -> str:
        return self._desk.loaded.settings.targets[self._placement.target].currency

    def _purse(self) -> Purse:
        held = (self._held(number, work) for number, work in self._works.items())
        expected = self.forecast()
        need = expected.costs[1] if expected.runs else NOTHING
        return Purse(self._placement.budget or NOTHING, sum((*self._before, *held), NOTHING), need)

    def _held(self, number: int, work: Work) -> Decimal:
        """What a trial cost, or may cost while it runs."""
        actual = work.cost(self._desk.store, work.job(self._desk))
        started = self._started.get(number)
        over = started.over if started else not self._standing(work).under_way
        return actual if over else max(actual, self._promised.get(number, NOTHING))

    def _still_allowed(self, work: Work, now: Standing) -> Decimal:
        """Of a job that this sweep submitted before: its own limit, less what others spent on the same work."""
        job = JobSpec.load(self._desk.store, now.spec.job) if now.spec and now.spec.job else None
        if job is None or job.limits.budget is None:
            return NOTHING
        store = self._desk.store
        return job.limits.budget - spent(store, job, before=now.number) + work.cost(store, job)


def told_price(one: Forecast, trials: int) -> Mapping[str, str]:
    """A trial's price, and that of all of them, for a person."""
    told = {"price of a trial": one.told()}
    if one.runs and one.price.per_hour:
        low, high = (money(cost * trials, "") for cost in one.costs)
        told["price of all"] = f"{one.price.currency} {low if low == high else f'{low} to {high}'}"
    return told
