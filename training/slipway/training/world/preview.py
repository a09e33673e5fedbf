"""A picture of a scenario to look at: scenes with boxes by light and weather, crops by identity, bays by state."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import simplejpeg

from slipway.training.world.ground import Image
from slipway.training.world.recording import SCENE, Sample
from slipway.training.world.rendering import Progress
from slipway.training.world.samples import CROP, samples
from slipway.training.world.scenarios import Scenario, scenario_of
from slipway.training.world.sessions import Session, plan

COLUMNS: Final = 4
ROWS: Final = 4
SESSIONS: Final = 16
CROPS: Final = 10
IDENTITIES: Final = 8
BAYS: Final = 20
GAP: Final = 4
BACKGROUND: Final = 24
INK: Final = (230, 230, 230)
CATEGORY_COLOURS: Final = {
    "car": (80, 220, 255), "van": (90, 240, 130), "lorry": (255, 170, 80), "motorcycle": (230, 110, 255),
    "free": (90, 240, 130), "occupied": (80, 110, 255),
}  # fmt: skip

Twins = dict[str, str | None]
"""Whom each identity resembles on purpose."""


def preview(name: str, target: Path, progress: Progress = lambda _: None) -> None:
    """Write the contact sheet of a scenario."""
    scenario = scenario_of(name)
    chosen = _chosen(plan(scenario))
    shortened = replace(scenario, bursts=1, burst=2, crops=min(scenario.crops, 28), bays=min(scenario.bays, 8))
    found: list[Sample] = []
    for number, session in enumerate(chosen, 1):
        progress(f"drawing {number} of {len(chosen)} sessions of {scenario.name}")
        found += samples(replace(session, scenario=shortened))
    twins = {one.identity: one.twin_of for session in chosen for one in session.vehicles}
    sheet = _sheet(scenario, found, twins)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.part")
    temporary.write_bytes(cv2.imencode(".png", sheet)[1].tobytes())
    temporary.replace(target)


def _chosen(sessions: Sequence[Session]) -> list[Session]:
    """One of each light and weather at every site, the sites in turn."""
    chosen: dict[tuple[str, str, str], Session] = {}
    for session in sessions:
        chosen.setdefault((session.light.name, session.light.weather, session.site.name), session)
    turns: dict[str, int] = {}
    ordered: list[tuple[int, int, Session]] = []
    for session in chosen.values():
        turn = turns[session.site.name] = turns.get(session.site.name, -1) + 1
        ordered.append((turn, len(ordered), session))
    return [session for *_, session in sorted(ordered, key=lambda one: one[:2])][:SESSIONS]


def _sheet(scenario: Scenario, found: list[Sample], twins: Twins) -> Image:
    views = {view: [one for one in found if one.image.slices["view"] == view] for view in ("scene", "crop", "bay")}
    width = COLUMNS * (SCENE[0] + GAP)
    scenes = [_titled(one) for one in _scenes(views["scene"])[: COLUMNS * ROWS]]
    blocks = [
        _heading(f"{scenario.name}: {scenario.summary}", width),
        *_rows(scenes, COLUMNS, width),
        _heading("one identity a row; a near-twin stands below the one that it resembles", width),
        *_rows(_by_identity(views["crop"], twins), CROPS, width),
        _heading("bays, free and occupied", width),
        *_rows(
            [_boxed(one) for one in views["bay"][:: max(1, len(views["bay"]) // (BAYS - 2))][: BAYS - 2]],
            BAYS - 2,
            width,
        ),
    ]
    return np.vstack(blocks)


def _scenes(found: list[Sample]) -> list[Sample]:
    """One picture of each session: from a camera that was shown little so far, and with something in it."""
    recordings: dict[str, list[Sample]] = {}
    for one in found:
        recordings.setdefault(str(one.image.sequence).rpartition("/")[0], []).append(one)
    shown: dict[tuple[str | None, str | None], int] = {}
    chosen = []
    for pictures in recordings.values():
        best = min(pictures, key=lambda one: (not one.boxes, shown.get(_place(one), 0), -len(one.boxes)))
        shown[_place(best)] = shown.get(_place(best), 0) + 1
        chosen.append(best)
    return chosen + [one for one in found if one.boxes and one not in chosen]


def _place(sample: Sample) -> tuple[str | None, str | None]:
    return sample.image.site, sample.image.camera


def _spread(found: list[Sample], count: int) -> list[Sample]:
    """The fullest picture of each recording, as different as they come."""
    best: dict[str, Sample] = {}
    for one in found:
        key = one.image.sequence or ""
        if key not in best or len(best[key].boxes) < len(one.boxes):
            best[key] = one
    kept = list(best.values())
    stride = max(1, len(kept) // count)
    return kept[::stride][:count]


def _by_identity(found: list[Sample], twins: Twins) -> list[Image]:
    """Rows of crops: those with the most pictures, near-twins together."""
    groups: dict[str, list[Sample]] = {}
    for one in found:
        groups.setdefault(one.boxes[0].identity or "", []).append(one)
    names = _row_names(groups, twins)
    blank = np.full((CROP[1], CROP[0], 3), BACKGROUND, np.uint8)
    tiles = []
    for name in names:
        row = _spread(groups[name], CROPS) + groups[name]
        kept = list({one.image.source: one for one in row}.values())[:CROPS]
        title = f"{name} = {twins[name]}" if twins.get(name) else name
        texts = [title, *(f"{one.image.camera} {one.image.light}" for one in kept[1:])]
        tiles += [_written(_decoded(one), text) for one, text in zip(kept, texts, strict=True)]
        tiles += [blank] * (CROPS - len(kept))
    return tiles


def _row_names(groups: dict[str, list[Sample]], twins: Twins) -> list[str]:
    most = sorted(groups, key=lambda name: (-len(groups[name]), name))
    pairs = [(elder, name) for name in most if (elder := twins.get(name)) and elder in groups]
    names = [name for pair in pairs[: IDENTITIES // 4] for name in pair]
    return list(dict.fromkeys([*names, *most]))[:IDENTITIES]


def _decoded(sample: Sample) -> Image:
    picture: Image = simplejpeg.decode_jpeg(sample.data, "BGR")
    return picture


def _boxed(sample: Sample) -> Image:
    picture = _decoded(sample)
    for box in sample.boxes:
        begin, end = (int(box.x), int(box.y)), (int(box.x + box.w) - 1, int(box.y + box.h) - 1)
        cv2.rectangle(picture, begin, end, CATEGORY_COLOURS.get(box.category, INK), 1)
    return picture


def _titled(sample: Sample) -> Image:
    image = sample.image
    return _written(_boxed(sample), f"{image.site}/{image.camera} {image.light} {image.weather} {image.split}")


def _written(picture: Image, text: str) -> Image:
    for colour, thick in (((0, 0, 0), 3), (INK, 1)):
        cv2.putText(picture, text, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.36, colour, thick, cv2.LINE_AA)
    return picture


def _heading(text: str, width: int) -> Image:
    strip = np.full((24, width, 3), BACKGROUND, np.uint8)
    cv2.putText(strip, text, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)
    return strip


def _rows(pictures: Sequence[Image], columns: int, width: int) -> list[Image]:
    """Pictures side by side, in strips of the sheet's width."""
    strips = []
    for first in range(0, len(pictures), columns):
        row = pictures[first : first + columns]
        strip = np.full((row[0].shape[0] + GAP, width, 3), BACKGROUND, np.uint8)
        for number, picture in enumerate(row):
            left = number * (picture.shape[1] + GAP)
            part = picture[:, : max(0, width - left)]
            strip[: picture.shape[0], left : left + part.shape[1]] = part
        strips.append(strip)
    return strips
