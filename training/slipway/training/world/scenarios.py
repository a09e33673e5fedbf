"""The scenarios: named worlds with a seed and a version, some with a planted fault and a clean twin beside it.

A twin has the same seed and everything else in common, so the two differ in nothing but what was planted. A change that
alters the bytes of a scenario raises `VERSION`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion

VERSION: Final = 1
CLEAN: Final = "-clean"

Days = tuple[int, int, int]
"""Days in train, validation and test."""


@dataclass(frozen=True)
class Scenario:
    """A world that can be rendered."""

    name: str
    summary: str
    seed: int
    days: tuple[tuple[str, Days], ...]
    """Which sites, and how many days of each split."""
    sessions: tuple[tuple[str, str], ...] = (
        ("morning", "day"),
        ("noon", "day"),
        ("dusk", "dusk"),
        ("night", "night"),
    )
    """The recordings of a day, with their light."""
    vehicles: int = 60
    visitors: int = 12
    """Vehicles in one session."""
    seconds: float = 100.0
    bursts: int = 1
    """Runs of consecutive frames from a camera in a session."""
    burst: int = 3
    """Frames in a run, a second apart."""
    crops: int = 24
    """Crops in a session at most."""
    bays: int = 16
    """Pictures of bays in a session at most."""
    kinds: tuple[tuple[str, int], ...] = ()
    """Shares of body types, where they are not the usual ones."""
    without: tuple[str, ...] = ()
    """Cameras that do not record, as site/camera."""
    fault: str | None = None
    """What is planted."""

    @property
    def snapshot(self) -> str:
        """The name under which a manifest remembers it."""
        return f"world:{self.name}@{VERSION}"


NEW_CAMERA: Final = "harbour/exit"
SKEWED_CAMERA: Final = "harbour/aisle-east"
CLOCK_SKEW: Final = 2520.0
"""Seconds by which the skewed clock is ahead."""
RARE_TYPE: Final = "lorry"
COMMON_TYPE: Final = "hatchback"
"""What comes in place of the rare type."""

_EVEN: Final = (("hatchback", 3), ("saloon", 3), ("suv", 3), ("van", 3), ("lorry", 4), ("motorcycle", 2))
_SMALL: Final = Scenario(
    "small",
    "",
    0,
    days=(("harbour", (2, 1, 1)),),
    vehicles=48,
    visitors=12,
    seconds=80.0,
    bursts=1,
    burst=2,
    crops=20,
    bays=14,
)


def _planted(name: str, summary: str, seed: int, **clean: object) -> tuple[Scenario, Scenario]:
    planted = replace(_SMALL, name=name, summary=summary, seed=seed, fault=name)
    twin = replace(planted, name=name + CLEAN, summary=f"the clean twin of {name}", fault=None)
    return replace(planted, **clean), replace(twin, **clean)  # type: ignore[arg-type]


def _all() -> tuple[Scenario, ...]:
    baseline = Scenario(
        "baseline", "three sites, all lights and weathers: the data that ships with the project", 1,
        days=(("harbour", (6, 2, 2)), ("market", (6, 2, 2)), ("station", (0, 0, 3))),
        vehicles=220, visitors=15, seconds=130.0, bursts=2, burst=5, crops=84, bays=84,
    )  # fmt: skip
    tiny = Scenario(
        "tiny", "a hundred and some pictures of one site, for tests", 2, days=(("harbour", (1, 1, 1)),),
        sessions=(("noon", "day"), ("night", "night")),
        vehicles=40, visitors=9, seconds=50.0, burst=2, crops=12, bays=8,
    )  # fmt: skip
    return (
        baseline,
        tiny,
        *_planted("night-shift", "recorded almost only at night", 11),
        *_planted("new-camera", f"a camera that was not there before: {NEW_CAMERA}", 21),
        *_planted("label-noise", "one box in eight has a wrong category or identity", 13),
        *_planted("rare-type", f"hardly any {RARE_TYPE}", 14, kinds=_EVEN),
        *_planted("clock-skew", f"the clock of {SKEWED_CAMERA} is 42 minutes ahead", 15),
        *_planted(
            "corrupt", "truncated and undecodable images, boxes outside, copies across splits, no legal basis", 16
        ),
    )


def scenarios() -> Mapping[str, Scenario]:
    """All scenarios by name."""
    return {one.name: one for one in _all()}


def scenario_of(name: str) -> Scenario:
    """A scenario by its name, or by the name of its snapshot."""
    known = scenarios()
    plain = name.removeprefix("world:").removesuffix(f"@{VERSION}")
    if plain not in known:
        raise WrongUse(
            f"There is no world scenario `{name}` in version {VERSION}.",
            mend=f"{suggestion(plain, known)} `slipway world list` shows all of them.",
        )
    return known[plain]


def clean_twin(name: str) -> str | None:
    """The twin of a planted scenario."""
    twin = name + CLEAN
    return twin if twin in scenarios() else None
