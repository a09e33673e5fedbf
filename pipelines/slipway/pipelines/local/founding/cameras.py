"""What the cameras of a little company see: rendered sites, each device another part of one.

A device has a camera over each of some bays, which shows what bay-occupancy is trained on; the first one has one over
the gate, too, for vehicle-detect and vehicle-reid. `baseline` has all lights of a day, in `night-shift` it is nearly
always night.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.pipelines.local.place import Place

if TYPE_CHECKING:
    from slipway.serving.channel.site import Stream

USUAL: Final = "baseline"
WORLD_SITE: Final = "harbour"
"""Every scenario has it."""
VIEWS: Final = (
    ("aisle-west", ("S2", "S3", "N2")),
    ("aisle-east", ("S8", "N8", "S7")),
    ("exit", ("S9", "S8", "S7")),
)
"""A camera and bays that others seldom hide from it, for one device after another."""
BAYS, VEHICLES, EMBEDDER = "bay-occupancy", "vehicle-detect", "vehicle-reid"
BAY_FPS, GATE_FPS = 2.0, 1.0
TRUTH: Final = "SLIPWAY_WORLD_TRUTH"
"""Names the folder in which rendered cameras write down what is true of a bay."""


def cameras_of(
    number: int, device: str, scenario: str, models: Collection[str], bay_fps: float = BAY_FPS
) -> "dict[str, Stream]":
    """The streams of a device, counted from 0, in a scenario of the rendered world."""
    from slipway.serving.channel.site import Stream

    camera, bays = VIEWS[number % len(VIEWS)]
    found: dict[str, Stream] = {}
    if BAYS in models:
        for bay in bays:
            source = f"world:{scenario}/{WORLD_SITE}/{camera}/{bay}?fps={bay_fps:g}"
            found[f"{device}-{bay.lower()}"] = Stream(device=device, source=source, model=BAYS)
    if VEHICLES in models and number == 0:
        source = f"world:{scenario}/{WORLD_SITE}/gate?fps={GATE_FPS:g}"
        embed = EMBEDDER if EMBEDDER in models else None
        found[f"{device}-gate"] = Stream(device=device, source=source, detect=VEHICLES, embed=embed)
    return found


def truth_folder(place: Place, device: str) -> Path:
    """Where the cameras of a device write what is true."""
    return place.folder / "truth" / device


@dataclass(frozen=True)
class Truth:
    """What is true of a bay."""

    state: str
    """`free` or `occupied`."""
    light: str


def truth_of(place: Place, device: str, stream: str, at: datetime) -> Truth | None:
    """What was true of a stream's bay then; None where nobody knows.

    For whoever plays a person who labels. A device never sees it.
    """
    bay = stream.rpartition("-")[2].upper()
    files = (truth_folder(place, device)).glob(f"{WORLD_SITE}.*.{bay}.jsonl*")
    told = sorted((one for file in files for one in _lines(file)), key=lambda one: one["at"])
    before = [one for one in told if datetime.fromisoformat(one["at"]) <= at]
    return Truth(before[-1]["truth"], before[-1]["light"]) if before else None


def _lines(file: Path) -> Iterator[Mapping[str, str]]:
    for line in file.read_text().splitlines():
        with suppress(ValueError):  # the last one of a process that was killed
            yield json.loads(line)
