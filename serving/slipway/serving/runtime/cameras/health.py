"""How a camera is, judged from what it shows: frozen, black, moved or well.

A pure fold: `judge` takes what was known and one look at a picture, and gives what is known then. A state must last for
some seconds before it counts, so a passing lorry, a headlight or a short dropout changes nothing. Lost is not judged
here: it is told by the absence of looks.

- *Frozen*: the pixels themselves stay the same. In a quiet scene the noise of the sensor changes many of them by a
  level or two; a clock that is written into the picture changes few.
- *Black*: dark everywhere and without any structure. A night with one lamp, or with less of it, has structure.
- *Moved*: the directions of edges are others than they were, or those of some places aside. They stay when the light
  changes, also where the dark becomes the bright side, and the view that is compared with is renewed slowly while it is
  right. On the rendered sites, cameras that are turned by a twentieth of their picture or more are told from the same
  camera by day, at night, in rain and in fog.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from slipway.serving.runtime.source import CameraState, Image

Grey = npt.NDArray[np.float32]
Field = npt.NDArray[np.complex64]

ROWS: Final = 48
COLUMNS: Final = 64
NEAR: Final = 3
"""Shifts by fewer places are those of a mast in the wind."""
FINER: Final = 4
"""So many points across and down make up one place of the small picture."""


@dataclass(frozen=True)
class Limits:
    """When a state counts; all times are seconds."""

    changed_by: int = 1
    """Levels by which a pixel may differ without having changed."""
    changed_share: float = 0.005
    """A picture is another one if more of its pixels changed: the clock in its corner is less."""
    frozen_after: float = 15.0
    dark: float = 28.0
    """The brightest places of a black picture are darker."""
    flat: float = 12.0
    """The brightest and darkest places of a black picture differ by less."""
    black_after: float = 5.0
    alike: float = 0.25
    """From here on a view is the one that was."""
    unlike: float = 0.15
    """Below, it is another one."""
    aside: float = 0.15
    """It is another one as well if it is more alike by so much when it is shifted."""
    moved_after: float = 20.0
    well_after: float = 3.0
    learning: int = 5
    """Looks that the first view is made of, and of which the middle is what is seen now."""
    renewing: float = 180.0
    """In this time most of the view is renewed."""


@dataclass(frozen=True)
class Look:
    """What is kept of a picture."""

    at: float
    small: Grey
    points: Image
    """Some pixels as they are."""


@dataclass(frozen=True)
class Known:
    """What is known of a camera."""

    state: CameraState = CameraState.WELL
    detail: str = ""
    seeming: CameraState = CameraState.WELL
    """What the looks of late say."""
    seeming_since: float = 0.0
    points: Image | None = None
    still_since: float = 0.0
    """Since when the points have been those."""
    recent: tuple[Grey, ...] = ()
    view: Field | None = None
    """The directions of edges that belong here."""
    last: float = 0.0
    found: "Likeness" = field(default_factory=lambda: Likeness(1.0, 0.0))


@dataclass(frozen=True)
class Likeness:
    """How much a view is like another: 1 for the same edges, about 0.1 for those of another place."""

    here: float
    """As it stands, or shaken by one place."""
    aside: float
    """At the best shift by three places and more."""


def look_at(image: Image, at: float) -> Look:
    """A look at a picture of any size."""
    rows = np.arange(ROWS * FINER) * image.shape[0] // (ROWS * FINER)
    columns = np.arange(COLUMNS * FINER) * image.shape[1] // (COLUMNS * FINER)
    points: Image = image[rows[:, None], columns]
    grey = points.astype(np.float32).mean(axis=2)
    small = grey.reshape(ROWS, FINER, COLUMNS, FINER).mean(axis=(1, 3))
    return Look(at, small, points[::2, ::2])


def judge(known: Known, look: Look, limits: Limits) -> Known:
    """What is known after one more look."""
    known = _stillness(known, look, limits)
    dark = is_black(look.small, limits)
    if not dark:
        known = _view(known, look, limits)
    known = replace(known, last=look.at)
    return _settled(known, _seeming(known, look, limits, dark=dark), look.at, limits)


def is_black(small: Grey, limits: Limits) -> bool:
    """Dark everywhere, without structure."""
    low, high = np.percentile(small, (1, 99.5))
    return bool(high < limits.dark and high - low < limits.flat)


def edges(small: Grey) -> Field:
    """How strong the edge in each place is, up to 1, and its direction; which side is brighter does not count."""
    down = small[2:, 1:-1] - small[:-2, 1:-1]
    across = small[1:-1, 2:] - small[1:-1, :-2]
    strength = np.hypot(down, across)
    noise = 6.0
    found: Field = (np.exp(2j * np.arctan2(down, across)) * (strength / (strength + noise))).astype(np.complex64)
    return found


def compare(first: Field, second: Field) -> Likeness:
    """How alike the directions of edges are, as they stand and at every shift."""
    both = float(np.sqrt(_power(first) * _power(second)))
    if not both:
        return Likeness(1.0, 0.0)
    shifts = np.fft.ifft2(np.fft.fft2(first) * np.fft.fft2(second).conj()).real / both
    shifts = np.roll(shifts, (NEAR - 1, NEAR - 1), (0, 1))
    here = float(shifts[NEAR - 2 : NEAR + 1, NEAR - 2 : NEAR + 1].max())
    shifts[: 2 * NEAR - 1, : 2 * NEAR - 1] = 0
    return Likeness(here, float(shifts.max()))


def _power(field: Field) -> float:
    return float((np.abs(field) ** 2).sum())


def _stillness(known: Known, look: Look, limits: Limits) -> Known:
    """The points are compared with those that the stillness began with, so that slow changes add up."""
    if known.points is not None:
        apart = np.abs(look.points.astype(np.int16) - known.points)
        if float((apart > limits.changed_by).mean()) <= limits.changed_share:
            return known
    return replace(known, points=look.points, still_since=look.at)


def _view(known: Known, look: Look, limits: Limits) -> Known:
    """Compare the middle of the last looks with the view that belongs here, and renew that while it does."""
    recent = (*known.recent, look.small)[-limits.learning :]
    if len(recent) < limits.learning:
        return replace(known, recent=recent)
    now = edges(np.median(np.stack(recent), axis=0))
    if known.view is None:
        return replace(known, recent=recent, view=now)
    found = compare(known.view, now)
    view = known.view
    if found.here >= max(limits.alike, found.aside) and known.state is not CameraState.MOVED:
        share = min(1.0, max(0.0, look.at - known.last) / limits.renewing)
        view = (view + share * (now - view)).astype(np.complex64)
    return replace(known, recent=recent, view=view, found=found)


def _seeming(known: Known, look: Look, limits: Limits, *, dark: bool) -> CameraState:
    """What this look says by itself."""
    if dark:
        return CameraState.BLACK
    if look.at - known.still_since >= limits.frozen_after:
        return CameraState.FROZEN
    here, aside = known.found.here, known.found.aside
    if known.state is CameraState.MOVED:  # it has to look much as before until it is well again
        moved = here < max(limits.alike, aside)
    else:
        moved = here < limits.unlike or aside > here + limits.aside
    return CameraState.MOVED if moved else CameraState.WELL


def _settled(known: Known, seeming: CameraState, at: float, limits: Limits) -> Known:
    """A state counts once it has seemed so for long enough."""
    if seeming is not known.seeming:
        known = replace(known, seeming=seeming, seeming_since=at)
    after = {
        CameraState.BLACK: limits.black_after,
        CameraState.MOVED: limits.moved_after,
        CameraState.FROZEN: 0.0,
    }.get(seeming, limits.well_after)
    if seeming is known.state or at - known.seeming_since < after:
        return known
    return replace(known, state=seeming, detail=_detail(seeming, known, at, limits))


def _detail(state: CameraState, known: Known, at: float, limits: Limits) -> str:
    if state is CameraState.FROZEN:
        return f"the picture has been the same for {at - known.still_since:.0f} s"
    if state is CameraState.BLACK:
        return f"the picture has been black for {limits.black_after:.0f} s"
    if state is CameraState.MOVED:
        same = f"the view is {known.found.here:.0%} the one that was"
        return (
            f"{same}, and {known.found.aside:.0%} when it is shifted" if known.found.aside > known.found.here else same
        )
    return "the picture is as it should be"
