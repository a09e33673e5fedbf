"""Pictures of devices that wait for a label, and what they become as rows of a snapshot.

The fleet store keeps what the channel's signed policy asked for, as long as the settings say. A picture waits until a
snapshot has it. As a row it says where it came from (`source` is `devices/<decision>`, and `extra["device"]` names
device, model, release, bundle and the reason), and what the device answered is its label by a machine.
"""

import hashlib
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from slipway.pipelines.labelling.standing import source_of
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from slipway.pipelines.labelling.task import Task
    from slipway.platform.data.labels.changing import Fresh
    from slipway.platform.data.rows import Box
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.settings import Loaded
    from slipway.serving.fleet.store.samples import Kept

log = logging.getLogger(__name__)

FLEET: Final = "fleet"
SPLIT: Final = "split"
KIND: Final = "devices"
"""In a snapshot's provenance."""


@dataclass(frozen=True)
class Shot:
    """A picture with its bytes."""

    kept: "Kept"
    data: bytes
    size: tuple[int, int]

    @cached_property
    def sample(self) -> str:
        """What it is called in a snapshot."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Whereabouts:
    """Where the pictures of a task are."""

    rows: int
    """In the snapshot."""
    kept: int
    """Not there yet, and in the fleet store."""
    gone: int
    """Nowhere: nobody can label them any more."""


def kept_pictures(
    loaded: "Loaded",
    model: str | None = None,
    *,
    since: datetime | None = None,
    decisions: Collection[str] | None = None,
) -> "Sequence[Kept]":
    """What the fleet store keeps, without bytes; nothing where there is no fleet store."""
    from slipway.serving.fleet.opened import open_reader

    if decisions is not None and not decisions:
        return ()
    with open_reader(loaded) as reader:
        return () if reader is None else reader.samples(model, since=since, decisions=decisions)


def whereabouts(loaded: "Loaded", task: "Task", snapshot: "Snapshot | None") -> Whereabouts:
    """Where a task's pictures are."""
    left = not_in(snapshot, task.wanted.pictures)
    kept = len(kept_pictures(loaded, decisions=left))
    return Whereabouts(rows=len(task.wanted.pictures) - len(left), kept=kept, gone=len(left) - kept)


def not_in(snapshot: "Snapshot | None", decisions: "Iterable[str]") -> list[str]:
    """Those of these pictures that a snapshot does not have."""
    have = set(snapshot.index["source"].to_pylist()) if snapshot is not None else set()
    return [one for one in decisions if source_of(one) not in have]


def waiting(
    loaded: "Loaded",
    snapshot: "Snapshot | None",
    known: "Iterable[Task]",
    model: str | None = None,
    *,
    since: datetime | None = None,
) -> "dict[str, list[Kept]]":
    """Pictures that the snapshot does not have and none of these tasks names, by model."""
    named = {decision for task in known for decision in task.wanted.pictures}
    kept = {one.decision: one for one in kept_pictures(loaded, model, since=since) if one.decision not in named}
    found: dict[str, list[Kept]] = {}
    for decision in not_in(snapshot, kept):
        found.setdefault(kept[decision].model, []).append(kept[decision])
    return found


def shots(loaded: "Loaded", decisions: Collection[str]) -> Iterator[Shot]:
    """Those of these pictures that are still kept, with their bytes; what is no picture is left out.

    One that two devices sent, or a device twice, is one picture: the first decision that it came with has it.
    """
    from slipway.platform.data.pictures import NoPicture, picture_size
    from slipway.serving.fleet.opened import open_reader

    if not decisions:
        return
    with open_reader(loaded) as reader:
        if reader is None:
            return
        given: set[str] = set()
        for kept in reader.samples(decisions=decisions):
            data = reader.picture(kept.decision)
            if data is None:
                continue
            try:
                shot = Shot(kept, data, picture_size(data))
            except NoPicture as problem:
                log.warning("What %s sent for the decision %s %s.", kept.device, kept.decision, problem)
                continue
            if shot.sample not in given:
                given.add(shot.sample)
                yield shot


def fresh_of(shot: Shot, index: "pa.Table | None", given: Mapping[str, str | None] | None = None) -> "Fresh":
    """A picture as a row: where and when from the device, split and legal basis as its site's rows have them.

    `given` are columns that somebody knows better, such as `light`; a `split` only where no row of that place and day
    has one.
    """
    from slipway.platform.data.labels.changing import Fresh
    from slipway.platform.data.rows import Image

    kept = shot.kept
    width, height = shot.size
    boxes = tuple(_boxes(kept, width, height))
    day, camera = kept.taken.date().isoformat(), kept.told.get("stream")
    columns: dict[str, Any] = {
        "legal_basis": _usual(index, kept.site, "legal_basis"),
        "retention": _usual(index, kept.site, "retention"),
        **{name: value for name, value in (given or {}).items() if value is not None and name != SPLIT},
    }
    image = Image(
        width=width,
        height=height,
        split=_split(index, kept.site, camera, day, (given or {}).get(SPLIT)),
        source=source_of(kept.decision),
        site=kept.site,
        camera=camera,
        day=day,
        label_state="auto" if _answered(kept) else "unlabelled",
        slices=_slices(kept.model),
        extra={"device": _origin(kept)} | ({"labels": [_said(kept)]} if _answered(kept) else {}),
        **columns,
    )
    return Fresh(image, boxes, lambda: shot.data)


def origin(kept: "Kept") -> dict[str, str]:
    """What people see of a picture in a tool."""
    about = {"site": kept.site, "camera": kept.told.get("stream"), "day": kept.taken.date().isoformat()}
    sure = {} if kept.confidence is None else {"confidence": f"{kept.confidence:.2f}"}
    return {name: str(value) for name, value in (about | {"why": kept.why} | sure).items() if value}


def _origin(kept: "Kept") -> dict[str, Any]:
    found = {
        "device": kept.device,
        "decision": kept.decision,
        "model": kept.model,
        "release": kept.release,
        "bundle": kept.bundle,
        "at": kept.taken.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "why": kept.why,
        "confidence": kept.confidence,
        "novelty": kept.novelty,
    }
    return {name: value for name, value in found.items() if value is not None}


def _answered(kept: "Kept") -> bool:
    return "answer" in kept.told or "boxes" in kept.told


def _author(kept: "Kept") -> str:
    return f"{kept.model}/{kept.release or kept.bundle}"


def _said(kept: "Kept") -> dict[str, Any]:
    return {"author": _author(kept), "at": kept.taken.strftime("%Y-%m-%dT%H:%M:%SZ"), "machine": True}


def _boxes(kept: "Kept", width: int, height: int) -> "Iterator[Box]":
    """What the device answered."""
    from slipway.platform.data.rows import Box

    by: dict[str, Any] = {"label_state": "auto", "author": _author(kept)}
    if "answer" in kept.told:
        yield Box(category=str(kept.told["answer"]), x=0.0, y=0.0, w=float(width), h=float(height), **by)
    for *corners, category, score in kept.told.get("boxes", ()):
        left, right = (min(max(0.0, float(side)), width) for side in (corners[0], corners[2]))
        top, bottom = (min(max(0.0, float(side)), height) for side in (corners[1], corners[3]))
        sides: dict[str, Any] = {"x": left, "y": top, "w": right - left, "h": bottom - top}
        if right > left and bottom > top:
            yield Box(category=str(category), **sides, **by, extra={"score": score})


def _slices(model: str) -> dict[str, str]:
    """What the model's view asks of its rows beyond the fixed columns, where that is one value."""
    from slipway.platform.data.schema import INDEX
    from slipway.platform.models.finder import model_named

    where = model_named(model).declaration.data.view.where
    return {name: values[0] for name, values in where if name not in INDEX.names and len(values) == 1}


def _split(index: "pa.Table | None", site: str | None, camera: str | None, day: str, wished: str | None) -> str:
    """The split of its site and day, also where rows of that day have one already; a held-out place stays held out."""
    from slipway.platform.data.splits import day_group, split_of

    usual = wished or split_of(day_group(site, day))
    if index is None:
        return usual
    same_place = _among(index, site=site, camera=camera)
    held_out = "slice_held_out" in index.column_names and _only(same_place, "slice_held_out") in ("site", "camera")
    known = _only(_among(index, site=site, day=day), "split")
    found = "test" if held_out else known or usual
    if wished not in (None, found):
        raise WrongUse(
            f"Rows of {site or 'no site'} on {day}, or of the camera {camera}, are in `{found}`: pictures of there and "
            f"then cannot be in `{wished}`.",
            mend="Leave out --split: what was judged on must never be trained on.",
        )
    return found


def _usual(index: "pa.Table | None", site: str | None, column: str) -> str | None:
    """What all rows of the site say, else what all rows say, if they say one thing."""
    if index is None:
        return None
    return _only(_among(index, site=site), column) or _only(index, column)


def _among(index: "pa.Table", **columns: str | None) -> "pa.Table":
    from slipway.platform.data.columns import equal, where

    for name, value in columns.items():
        index = where(index, equal(index[name], value)) if value is not None else index.slice(0, 0)
    return index


def _only(rows: "pa.Table", column: str) -> str | None:
    """The one value of a column, missing ones left out."""
    from slipway.platform.data.columns import distinct

    found = distinct(rows[column])
    return found[0] if len(found) == 1 else None
