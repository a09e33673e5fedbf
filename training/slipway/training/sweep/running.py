"""A sweep from its beginning, or from wherever it was stopped, to its end.

Every trial is recorded before it starts and its outcome when it ends; a kill between any two steps leaves what the next
start goes on from. A trial that fails is recorded and the others go on. A request to stop goes to every trial, which
leaves a checkpoint; the second one ends them at once. A store that does not answer is told and asked again: trials go
on without it for a while, and so does the sweep.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.names import suggestion
from slipway.platform.runs.find import load_parts
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.results import load_result
from slipway.platform.store import Store, StoreUnreachable
from slipway.training.sweep.records import Outcome, Records, Sweep, Trial
from slipway.training.sweep.space import Space
from slipway.training.sweep.suggesting import Known, Values, suggest
from slipway.training.sweep.trial import UNSEEN, Ended, Glance, Process, Starter

PAUSE: Final = 0.1
AWAY_PAUSE: Final = 2.0
"""Before a store is asked again that did not answer."""
ON_VALIDATION: Final = "validation/"
FALLING: Final = ("loss", "error", "ece", "brier", "nll")
"""Metrics of which less is better, by the end of their names."""


@dataclass(frozen=True)
class Stand:
    """A trial as it stands."""

    trial: Trial
    outcome: Outcome | None = None
    since: float | None = None
    """When it was started here."""
    glance: Glance = UNSEEN


class Watcher(Protocol):
    """Hears what happens."""

    def began(self, trial: Trial) -> None: ...
    def ended(self, trial: Trial, outcome: Outcome, best: Stand | None) -> None: ...
    def interrupted(self, trial: Trial, reason: str) -> None: ...
    def note(self, text: str) -> None: ...
    def beat(self, stands: Sequence[Stand]) -> None:
        """How all trials stand, several times a second; none at the end, however that came."""


@dataclass
class Stop:
    """Whether somebody asked to stop, and how often."""

    requests: int = 0


@dataclass
class Sweeping:
    """A sweep under way."""

    sweep: Sweep
    space: Space
    records: Records
    store: Store
    start: Starter
    watcher: Watcher
    adopt: Callable[[Outcome], None]
    """Told of every outcome: MLflow's side."""
    stop: Stop = field(default_factory=Stop)
    code: str = ""
    """Digest of the code that every trial runs; empty is any."""
    _running: dict[int, tuple[Trial, Process, float]] = field(default_factory=dict)
    _trials: dict[int, Trial] = field(default_factory=dict)
    _outcomes: dict[int, Outcome] = field(default_factory=dict)
    _away: bool = False

    def run(self, trials: int, parallel: int) -> list[Stand]:
        """Go on until so many trials have ended, or nothing is left to try."""
        self._trials = {one.number: one for one in self.records.trials()}
        self._outcomes = self.records.outcomes()
        for outcome in self._outcomes.values():
            self.adopt(outcome)
        waiting = [one for number, one in self._trials.items() if number not in self._outcomes]
        try:
            self._loop(waiting, trials, parallel)
        finally:
            for _, process, _ in self._running.values():
                process.stop()
            self.watcher.beat([])
        return self.stands()

    def stands(self) -> list[Stand]:
        """All trials."""
        began = {number: since for number, (_, _, since) in self._running.items()}
        return [
            Stand(trial, self._outcomes.get(number), began.get(number), self._glance(number))
            for number, trial in sorted(self._trials.items())
        ]

    def _glance(self, number: int) -> Glance:
        return self._running[number][1].glance() if number in self._running else UNSEEN

    def best(self) -> Stand | None:
        """The best trial so far."""
        return best_of(self.stands(), falling=self.falling)

    @property
    def falling(self) -> bool:
        """Whether less is better."""
        if self.sweep.falling is not None:
            return self.sweep.falling
        metric = self.sweep.metric or next((one.metric for one in self._outcomes.values() if one.metric), "")
        return metric.endswith(FALLING)

    def _loop(self, waiting: list[Trial], trials: int, parallel: int) -> None:
        asked = 0
        more = True
        while True:
            away = ""
            try:
                if more and not self.stop.requests:
                    more = self._fill(waiting, trials, parallel)
                asked = self._pass_on(asked)
                if not self._running:
                    return
                more = self._collect() or more
            except StoreUnreachable as error:
                away = str(error)
            self._tell_away(away)
            self.watcher.beat(self.stands())
            time.sleep(AWAY_PAUSE if away else PAUSE)

    def _fill(self, waiting: list[Trial], trials: int, parallel: int) -> bool:
        """Start as many as there is room for; whether another may start when one of them has ended."""
        while len(self._running) < parallel and not self.stop.requests:
            if not waiting:
                following = self._next(trials)
                if following is None:
                    return False
                waiting.append(following)
            if not self._begin(waiting[0]):
                return False
            waiting.pop(0)
        return True

    def _pass_on(self, asked: int) -> int:
        """Let every trial know that somebody asked to stop; how often that was."""
        if self.stop.requests > asked:
            for _, process, _ in self._running.values():
                process.stop(at_once=self.stop.requests > 1)
        return max(asked, self.stop.requests)

    def _tell_away(self, error: str) -> None:
        if error and not self._away:
            self.watcher.note(f"{error} Asking again; trials that run go on.")
        self._away = bool(error)

    def _next(self, trials: int) -> Trial | None:
        """A new trial, recorded; None when there are enough."""
        if len(self._trials) >= trials:
            return None
        known = [_known(trial, self._outcomes.get(number)) for number, trial in sorted(self._trials.items())]
        values = suggest(self.space, known, seed=self.sweep.seed, trials=trials, falling=self.falling)
        if values is None:
            return None
        return self.records.begin(Trial(number=len(self._trials), values=values))

    def _begin(self, trial: Trial) -> bool:
        process = self.start(trial.number, [*self.space.fixed, *overrides_of(trial.values)])
        self._trials[trial.number] = trial
        if process is None:
            return False
        self._running[trial.number] = (trial, process, time.monotonic())
        self.watcher.began(trial)
        return True

    def _collect(self) -> bool:
        """Record what came of the trials that have ended; whether any has."""
        before = len(self._running)
        for number, (trial, process, _) in list(self._running.items()):
            ended = process.poll()
            if ended is None:
                continue
            if ended.interrupted:
                del self._running[number]
                self.watcher.interrupted(trial, ended.reason)
                continue
            outcome = self.records.end(self._judged(number, ended))
            del self._running[number]
            self._outcomes[number] = outcome
            self.adopt(outcome)
            self.watcher.ended(trial, outcome, self.best())
        return len(self._running) < before

    def _judged(self, number: int, ended: Ended) -> Outcome:
        """What came of a trial whose process has ended."""
        key, name = str(ended.answer.get("key", "")), str(ended.answer.get("name", ""))
        bill = ended.bill
        failed = Outcome(
            number=number, state="failed", run=key, name=name, seconds=ended.seconds,
            where=bill.where, cost=bill.cost, currency=bill.currency,
        )  # fmt: skip
        if ended.code != 0:
            return failed.model_copy(update={"reason": ended.reason})
        result = load_result(self.store, key) if key else None
        if result is None:
            return failed.model_copy(update={"reason": "it says that it is done, and the store has no result of it"})
        if self.code:
            self.check_code(load_parts(self.store, key))
        metric = self.sweep.metric or headline(result.metrics, ended.answer)
        if metric not in result.metrics:
            raise WrongUse(f"Run {name or key[:15]} has no metric `{metric}`.", mend=suggestion(metric, result.metrics))
        score = result.metrics[metric]
        if not math.isfinite(score):
            return failed.model_copy(update={"reason": f"{metric} is {score}"})
        return failed.model_copy(update={"state": "done", "score": score, "metric": metric})

    def check_code(self, parts: Parts) -> None:
        """Trials of other code cannot be compared with those before."""
        if self.code and parts.code_digest != self.code:
            raise SlipwayError(
                "The code of the model or of its training was changed while the sweep ran.",
                mend="Start it again: that is another sweep, of the code as it is now.",
            )


def overrides_of(values: Values) -> list[str]:
    """A trial's values as overrides."""
    return [f"{key}={value}" for key, value in values.items()]


def headline(metrics: Mapping[str, float], answer: Mapping[str, Any]) -> str:
    """What a sweep goes by where nobody says: the model's headline, on validation and not on what it is judged by."""
    told = f"{ON_VALIDATION}{answer.get('headline')}"
    if told in metrics:
        return told
    found = [name for name in metrics if name.startswith(ON_VALIDATION)]
    return next((name for name in found if not name.endswith(FALLING)), found[0] if found else f"{ON_VALIDATION}...")


def best_of(stands: Sequence[Stand], *, falling: bool) -> Stand | None:
    """The best of those that are done; of equals the first."""
    done = [one for one in stands if one.outcome and one.outcome.score is not None]
    sign = 1.0 if falling else -1.0
    return min(done, key=lambda one: sign * (one.outcome.score or 0.0) if one.outcome else 0.0, default=None)


def _known(trial: Trial, outcome: Outcome | None) -> Known:
    failed = outcome is not None and outcome.state == "failed"
    return Known(trial.values, outcome.score if outcome and not failed else None, failed=failed)
