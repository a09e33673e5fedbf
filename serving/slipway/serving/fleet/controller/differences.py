"""How much each device changed with a release, beyond what the rest changed in the same hours.

Devices differ from each other, classes differ, and every hour of a day differs. So of each hour of a device is taken
what this device was used to at that hour before the wave, and what devices of its class that kept their release changed
by in this hour. What is left is averaged over the device: one number a device, near 0 without an effect. The unit of
all tests is a device: a thousand hours of one broken device are still one device.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from slipway.serving.fleet.controller.evidence import Bools, Floats, Ints, Rows

FEW: int = 3
"""With fewer than so many devices of a class that kept their release, those of all classes are looked at."""
PRIOR: float = 10.0
"""For so many devices the spread of the rest counts when that of the treated ones is estimated."""
HOURS: int = 24
MOST_KNOWN: float = 0.8
"""From this share of devices on, what they did before is used, and others are left out."""


@dataclass(frozen=True)
class Differences:
    """A number for each device, and how much it weighs; NaN where nothing is known."""

    value: Floats
    weight: Floats
    treated: Bools

    def among(self, devices: Bools) -> "Differences":
        """Of these alone."""
        return replace(self, weight=np.where(devices, self.weight, 0.0))


@dataclass(frozen=True)
class Effect:
    """What the treated ones differ by."""

    estimate: float
    error: float
    """Its standard error."""
    freedom: float
    devices: int
    rest: int


def averaged(values: Floats, weights: Floats, groups: Ints, count: int) -> tuple[Floats, Floats]:
    """The mean of each group, NaN where it is empty; and what each weighs."""
    weight = np.bincount(groups, weights, count).astype(np.float64)
    total = np.bincount(groups, values * weights, count)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 0, total / weight, np.nan), weight


def differences(
    rows: Rows, values: Floats, weights: Floats, classes: Ints, *, clip: float | None = None
) -> Differences:
    """Of each device; `classes` are theirs by their place. `clip` bounds what one hour may say."""
    usable = np.isfinite(values) & (weights > 0)
    device, slot = rows.device[usable], rows.slot[usable]
    after, treated = rows.after[usable], rows.treated[usable]
    y, w, count = values[usable], weights[usable], len(classes)
    kinds = int(classes.max(initial=0)) + 1
    before = ~after & ~treated
    own, anchored = _own(y, w, device, slot, before, classes)
    y, keep = own, np.isfinite(own) & after
    device, slot, treated, y, w = device[keep], slot[keep], treated[keep], y[keep], w[keep]
    slot = slot - slot.min() if len(slot) else slot
    y = y - _rest(y, w, slot, classes[device], ~treated, kinds, otherwise=0.0 if anchored else math.nan)
    known = np.isfinite(y)
    device, treated, y, w = device[known], treated[known], y[known], w[known]
    if clip is not None and len(y):
        spread = float(np.median(np.abs(y - np.median(y))))
        bound = max(5 * 1.4826 * spread, clip)
        y = np.clip(y, -bound, bound)
    had = np.bincount(device, treated, count) > 0
    mine = treated | ~had[device]  # of a treated device only what it did with the release
    value, weight = averaged(y[mine], w[mine], device[mine], count)
    return Differences(value, weight, had)


def _own(y: Floats, w: Floats, device: Ints, slot: Ints, before: Bools, classes: Ints) -> tuple[Floats, bool]:
    """Less what the device's class does at that hour of the day, and less what the device differs from it by.

    Where too few devices are known from before, nothing is taken off, and the second says so.
    """
    kinds, count = int(classes.max(initial=0)) + 1, len(classes)
    hour = classes[device] * HOURS + slot % HOURS
    usual, _ = averaged(y[before], w[before], hour[before], kinds * HOURS)
    level, _ = averaged(y[before], w[before], classes[device][before], kinds)
    usual = np.where(np.isfinite(usual), usual, np.repeat(level, HOURS))
    centred = y - np.nan_to_num(usual)[hour]
    offset, _ = averaged(centred[before], w[before], device[before], count)
    seen = np.bincount(device[~before], minlength=count) > 0
    known = np.isfinite(offset[seen]).mean() if seen.any() else 0.0
    return (centred - offset[device], True) if known >= MOST_KNOWN else (y, False)


def _rest(y: Floats, w: Floats, slot: Ints, kind: Ints, rest: Bools, kinds: int, *, otherwise: float) -> Floats:
    """What those that kept their release changed by in the same hour."""
    slots = int(slot.max(initial=0)) + 1
    cell = kind * slots + slot
    near, _ = averaged(y[rest], w[rest], cell[rest], kinds * slots)
    many = np.bincount(cell[rest], minlength=kinds * slots) >= FEW
    wide, _ = averaged(y[rest], w[rest], slot[rest], slots)
    enough = np.bincount(slot[rest], minlength=slots) >= FEW
    found: Floats = np.where(many[cell], near[cell], np.where(enough[slot], wide[slot], otherwise))
    return found


def effect(found: Differences, classes: Ints) -> Effect | None:
    """The treated against the rest, both weighed so that classes have equal shares; None where nothing is known."""
    known = np.isfinite(found.value) & (found.weight > 0)
    middle = float(np.median(found.weight[known])) if known.any() else 1.0
    weight = found.weight / (found.weight + middle)
    ours, rest = known & found.treated, known & ~found.treated
    if not ours.any():
        return None
    weight = _matched(weight, ours, rest, classes)
    rest &= weight > 0
    estimate, spread, many = _summed(found.value[ours], weight[ours])
    devices, others = int(ours.sum()), int(rest.sum())
    if others < FEW:
        if devices < FEW:
            return None
        return Effect(estimate, max(spread / many, 1e-18) ** 0.5, devices - 1.0, devices, 0)
    base, apart, much = _summed(found.value[rest], weight[rest])
    prior = min(PRIOR, others - 1.0)
    freedom = prior + devices - 1
    spread = (prior * apart + (devices - 1) * spread) / freedom
    parts = spread / many, apart / much
    variance = max(sum(parts), 1e-18)
    shares = parts[0] / variance, parts[1] / variance
    welch = 1 / max(shares[0] ** 2 / freedom + shares[1] ** 2 / (others - 1), 1 / (freedom + others))
    return Effect(estimate - base, variance**0.5, max(welch, 1.0), devices, others)


def _matched(weight: Floats, ours: Bools, rest: Bools, classes: Ints) -> Floats:
    """Weights by which each class has the same share of the rest as of the treated, where both have some of it."""
    kinds = int(classes.max(initial=0)) + 1
    wanted = np.bincount(classes[ours], weight[ours], kinds)
    there = np.bincount(classes[rest], weight[rest], kinds)
    if not ((wanted > 0) & (there > 0)).any():
        return weight
    factor = np.where(there > 0, wanted / np.where(there > 0, there, 1), 0)
    matched: Floats = np.where(rest, weight * factor[classes], weight)
    return matched


def _summed(values: Floats, weights: Floats) -> tuple[float, float, float]:
    """Mean, variance of one, and how many equal ones would say as much."""
    total = weights.sum()
    mean = float((values * weights).sum() / total)
    many = float(total**2 / (weights**2).sum())
    count = len(values)
    variance = float((weights * (values - mean) ** 2).sum() / total) * (count / (count - 1) if count > 1 else 1)
    return mean, variance, many
