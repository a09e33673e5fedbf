"""What to try next: a pure function of the space, the seed, and what is known of the trials before.

Few combinations are all tried, in order. Else Optuna's TPE suggests, with a generator that is made anew for every
number from the seed, so that a sweep that was killed goes on as one that was not would from what is known. What is
being tried counts as bad until more is known, which keeps parallel trials apart.
"""

import hashlib
import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway.training.sweep.space import Dimension, Interval, Listed, Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study

FEW: Final = 10_000
"""Combinations up to which those that are left can be listed."""
TRIES: Final = 20
STARTUP: Final = 8
"""Trials whose values are drawn without looking at others."""
Values = Mapping[str, str]
"""A value for each key that varies, as it is written in an override."""


@dataclass(frozen=True)
class Known:
    """A trial: what was tried, and what came of it."""

    values: Values
    score: float | None = None
    failed: bool = False
    """Neither: it is under way."""


def suggest(space: Space, known: Sequence[Known], *, seed: int, trials: int, falling: bool) -> Values | None:
    """Values that nobody has tried; None when there are none left. `trials` is how many there will be."""
    tried = {_frozen(one.values) for one in known}
    if space.size is not None and space.size <= max(trials, 1):
        return next((one for one in combinations(space) if _frozen(one) not in tried), None)
    for turn in range(TRIES):
        values = _suggested(space, known, _number(seed, len(known), turn), falling=falling)
        if _frozen(values) not in tried:
            return values
    if space.size is None or space.size > FEW:
        return None
    left = [one for one in combinations(space) if _frozen(one) not in tried]
    return left[_number(seed, len(known), TRIES) % len(left)] if left else None


def combinations(space: Space) -> "list[Values]":
    """Everything that could be tried, where that is listed."""
    listed = [one for one in space.dimensions if isinstance(one, Listed)]
    rows = itertools.product(*(one.values for one in listed))
    return [dict(zip((one.key for one in listed), row, strict=True)) for row in rows]


def _suggested(space: Space, known: Sequence[Known], seed: int, *, falling: bool) -> Values:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=STARTUP, constant_liar=True, multivariate=len(space.dimensions) > 1
        )
        study = optuna.create_study(sampler=sampler, direction="minimize" if falling else "maximize")
        distributions = {one.key: _distribution(one) for one in space.dimensions}
        for one in known:
            _tell(study, one, space, distributions)
        drawn = study.ask(distributions).params
    return {one.key: _text(one, drawn[one.key]) for one in space.dimensions}


def _tell(study: "Study", known: Known, space: Space, distributions: "Mapping[str, BaseDistribution]") -> None:
    from optuna.trial import TrialState, create_trial

    state = TrialState.COMPLETE if known.score is not None else TrialState.RUNNING
    if known.failed:
        state = TrialState.FAIL
    params = {one.key: _number_of(one, known.values[one.key]) for one in space.dimensions}
    study.add_trial(create_trial(state=state, value=known.score, params=params, distributions=dict(distributions)))


def _distribution(dimension: Dimension) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Listed):
        if dimension.ordered:
            return IntDistribution(0, len(dimension.values) - 1)
        return CategoricalDistribution(dimension.values)
    if dimension.whole:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _text(dimension: Dimension, drawn: Any) -> str:  # noqa: ANN401 - what Optuna draws
    if isinstance(dimension, Interval):
        return dimension.text(drawn)
    return dimension.values[drawn] if dimension.ordered else str(drawn)


def _number_of(dimension: Dimension, text: str) -> float | str:
    """What Optuna knows a value as."""
    if isinstance(dimension, Interval):
        return int(text) if dimension.whole else float(text)
    return dimension.values.index(text) if dimension.ordered else text


def _number(*parts: int) -> int:
    """A number that looks drawn and is a function of these."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big")


def _frozen(values: Values) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())
