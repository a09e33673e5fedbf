"""What a sweep varies: overrides in Hydra's grammar that stand for several values.

    network=small,base          choice(…)      one of these
    batch=range(16,65,16)                      one of these numbers, in order
    optimizer.lr=interval(1e-4,1e-2)           any number between, `tag(log,interval(…))` on a logarithmic scale

Everything is checked before anything starts: each value that can be listed, and both ends of an interval.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from slipway.platform.errors import WrongUse
from slipway.platform.models.finder import Model
from slipway.training.config.build import kind_of
from slipway.training.config.compose import compose, vocabulary_of
from slipway.training.config.overrides import BadOverride, Change, Vocabulary, check_value, checked

if TYPE_CHECKING:
    from hydra.core.override_parser.types import IntervalSweep

LOG: Final = "log"
LARGEST_LIST: Final = 10_000
DIGITS: Final = 4
"""Significant digits of a number from an interval: enough for a training, and readable."""


@dataclass(frozen=True)
class Listed:
    """Values that are listed, as they are written in an override."""

    key: str
    values: tuple[str, ...]
    ordered: bool = False
    """Whether neighbours in the list are alike."""


@dataclass(frozen=True)
class Interval:
    """Any number between two, both included."""

    key: str
    low: float
    high: float
    whole: bool = False
    log: bool = False

    def text(self, value: float) -> str:
        """A number of it as it is written in an override."""
        if self.whole:
            return str(round(value))
        rounded = value if value in (self.low, self.high) else float(f"{value:.{DIGITS}g}")
        return repr(min(max(rounded, self.low), self.high))


Dimension: TypeAlias = Listed | Interval


@dataclass(frozen=True)
class Space:
    """What stays as it is, and what varies."""

    model: Model
    fixed: tuple[str, ...]
    dimensions: tuple[Dimension, ...]

    @property
    def size(self) -> int | None:
        """How many combinations there are; None is without end."""
        if any(isinstance(one, Interval) for one in self.dimensions):
            return None
        return reduce(lambda count, one: count * len(one.values), self._listed, 1)

    @property
    def _listed(self) -> list[Listed]:
        return [one for one in self.dimensions if isinstance(one, Listed)]


def space_of(model: Model, texts: Sequence[str], composing: Callable[[Sequence[str]], object] | None = None) -> Space:
    """What these overrides leave open; `composing` refuses what cannot be where the trials are to run."""
    vocabulary = vocabulary_of(model)
    changes = checked(texts, vocabulary, sweeps=True)
    fixed = tuple(change.text for change in changes if not change.parsed.is_sweep_override())
    varied = [change for change in changes if change.parsed.is_sweep_override()]
    if not varied:
        raise WrongUse(
            "Nothing varies: every override has one value.",
            mend="Write several, such as `network=small,base` or 'optimizer.lr=interval(1e-4,1e-2)'.",
        )
    keys = [change.key for change in changes]
    if twice := next((change.key for change in varied if keys.count(change.key) > 1), None):
        raise WrongUse(f"`{twice}` is given twice.", mend="Keep one.")
    space = Space(model, fixed, tuple(_dimension(change, vocabulary) for change in varied))
    _check_all(space, composing or (lambda said: compose(model, said)))
    return space


def _check_all(space: Space, composing: Callable[[Sequence[str]], object]) -> None:
    """Compose with each listed value and each end, so that what the config refuses is told now."""
    composing(space.fixed)
    for one in space.dimensions:
        ends = one.values if isinstance(one, Listed) else (one.text(one.low), one.text(one.high))
        for value in ends:
            composing([*space.fixed, f"{one.key}={value}"])


def _dimension(change: Change, vocabulary: Vocabulary) -> Dimension:
    from hydra.core.override_parser.types import ChoiceSweep, Glob, RangeSweep
    from hydra.core.override_parser.types import IntervalSweep as Between

    sweep: Any = change.parsed.value()
    if isinstance(sweep, Glob):
        raise BadOverride(f"`{change.text}`: a glob names what happens to be there.", mend="List the options.")
    if isinstance(sweep, Between):
        return _interval(change, sweep, vocabulary)
    if sweep.tags:
        raise BadOverride(f"`{change.text}`: tags mean nothing in a list.", mend="Leave `tag` out.")
    if isinstance(sweep, RangeSweep) and not sweep.step:
        raise BadOverride(f"`{change.text}`: the step is 0.", mend="Write range(start,stop,step).")
    values = _values(change)
    for text, value in values.items():
        check_value(f"{change.key}={text}", change.key, value, vocabulary)
    if not values:
        raise BadOverride(f"`{change.text}` has no values.", mend="A range ends before its second number.")
    return Listed(change.key, tuple(values), ordered=not isinstance(sweep, ChoiceSweep))


def _values(change: Change) -> dict[str, Any]:
    """Each value once, by its text."""
    from hydra.core.override_parser.types import Override, Transformer

    found = {}
    for value in change.parsed.sweep_iterator(Transformer.identity):
        one = (
            float(f"{value:.12g}") if isinstance(value, float) else value
        )  # steps of 0.1 add up to 0.30000000000000004
        found[Override._get_value_element_as_str(one)] = Override._convert_value(one)  # noqa: SLF001 - as Hydra's sweepers do
        if len(found) > LARGEST_LIST:
            raise BadOverride(f"`{change.text}` has more than {LARGEST_LIST:,} values.", mend="Use interval(a,b).")
    return found


def _interval(change: Change, sweep: "IntervalSweep", vocabulary: Vocabulary) -> Interval:
    kind = kind_of(vocabulary.config, change.key)
    low, high = float(sweep.start or 0.0), float(sweep.end or 0.0)
    log = LOG in sweep.tags
    if change.group or kind not in (int, float):
        raise BadOverride(f"`{change.text}`: `{change.key}` is no number.", mend="List values: a,b,c.")
    if foreign := sorted(sweep.tags - {LOG}):
        raise BadOverride(f"`{change.text}`: the tag `{foreign[0]}` means nothing.", mend=f"There is `{LOG}`.")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise BadOverride(f"`{change.text}`: the first end is less than the second.", mend="Write interval(low,high).")
    if log and low <= 0:
        raise BadOverride(f"`{change.text}`: a logarithmic scale has no 0.", mend="Begin above 0.")
    if kind is int and (low != round(low) or high != round(high)):
        raise BadOverride(f"`{change.text}`: `{change.key}` is a whole number.", mend="Give whole ends.")
    return Interval(change.key, low, high, whole=kind is int, log=log)


def described(dimension: Dimension) -> str:
    """What varies, as it is understood; part of a sweep's key."""
    if isinstance(dimension, Listed):
        kind = "range" if dimension.ordered else "choice"
        return f"{dimension.key}={kind}({','.join(dimension.values)})"
    between = f"interval({dimension.text(dimension.low)},{dimension.text(dimension.high)})"
    return f"{dimension.key}={f'tag(log,{between})' if dimension.log else between}"
