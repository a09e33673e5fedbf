"""What a look found, in sentences."""

from typing import Final

from slipway.pipelines.watching.drift import Judged, Moved
from slipway.pipelines.watching.rightness import Right

TOLD: Final = 2
"""So many measures are told in the sentence; the picture has all."""
SIDES: Final = {"inputs": "of {name}", "outputs": "of the answer {name}"}


def measure_words(measure: str) -> str:
    """`inputs.images.contrast` as `contrast of images`."""
    side, _, rest = measure.partition(".")
    name, _, what = rest.rpartition(".")
    return f"{what} {SIDES.get(side, 'of {name}').format(name=name)}"


def moved_words(one: Moved) -> str:
    """What moved and how much."""
    before = "" if one.before is None else f" ({one.before:.0%} at first)"
    where = f" on {', '.join(one.devices[:TOLD])}" if one.one_camera and one.devices else ""
    return f"{measure_words(one.measure)}{where}: {one.share:.0%} lie {one.what}{before}"


def drift_words(judged: Judged, right: Right | None) -> str:
    """A sentence about drift; empty where there is none."""
    parts = [moved_words(one) for one in judged.drift[:TOLD]]
    if (more := len(judged.drift) - len(parts)) > 0:
        parts.append(f"{more} more measures" if more > 1 else "one more measure")
    if right is not None and right.worse:
        parts.insert(0, right_words(right))
    return "; ".join(parts)


def camera_words(judged: Judged) -> str:
    """A sentence about single cameras; empty where there is none."""
    return "; ".join(moved_words(one) for one in judged.cameras[:TOLD])


def right_words(right: Right) -> str:
    """How often decisions were right."""
    return (
        f"{right.share:.1%} of {right.known:,} decisions were right, "
        f"the gate measured {right.gate.metric} {right.gate.value:.1%}"
    )


def calm_words(judged: Judged, right: Right | None, devices: int) -> str:
    """What was looked at without finding drift."""
    furthest = max(judged.moved, key=lambda one: abs(one.by), default=None)
    looked = f"{len(judged.moved)} measures of {devices} device{'' if devices == 1 else 's'} in {judged.days} days"
    far = f", the furthest {measure_words(furthest.measure)} by {abs(furthest.by):.0%}" if furthest else ""
    known = f"; {right_words(right)}" if right else ""
    return f"no drift: {looked}{far}{known}"
