"""Which labels are probably wrong?

Signs that need no model: an individual whose boxes say different categories, a track whose boxes are of different
individuals, a crop that looks unlike the others of its individual in one recording, a track that leaps. They are
suspects: a person decides.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from slipway.platform.data.validation.tables import Tables, faults
from slipway.platform.data.validation.vocabulary import Agreement, Crops, Jumps

LEAST_SPREAD: Final = 0.02
NORMAL: Final = 1.4826
"""What makes a median of absolute deviations comparable with a standard deviation."""


def categories_agree(tables: Tables, wanted: Agreement) -> pd.DataFrame:
    """The boxes of an individual, or of a track without one, say the same category."""
    boxes = tables.labelled
    individual = "identity " + boxes["identity"].fillna("")
    group = individual.where(boxes["identity"].notna(), _track(boxes).where(boxes["track"].notna()))
    return _agreeing(boxes.assign(group=group), "category", wanted)


def identities_agree(tables: Tables, wanted: Agreement) -> pd.DataFrame:
    """The boxes of a track in one recording are of one individual."""
    boxes = tables.labelled.dropna(subset=["track", "identity"])
    return _agreeing(boxes.assign(group=_track(boxes)), "identity", wanted)


def _track(boxes: pd.DataFrame) -> "pd.Series[str]":
    return boxes["camera"].fillna("") + " " + boxes["sequence"].fillna("") + " track " + boxes["track"].fillna("")


def _agreeing(boxes: pd.DataFrame, column: str, wanted: Agreement) -> pd.DataFrame:
    """A fault where a box differs from the clear majority of its group."""
    frame = boxes.sort_values("row", kind="stable")[["row", "sample", column, "group"]].dropna(subset=["group"])
    counts = frame.groupby(["group", column]).size().rename("same").reset_index()
    top = counts.sort_values("same", ascending=False, kind="stable").drop_duplicates("group").set_index("group")
    top["size"] = counts.groupby("group")["same"].sum()
    frame = frame.join(top.rename(columns={column: "most"}), on="group")
    clear = (frame["size"] >= wanted.smallest) & (frame["same"] >= wanted.majority * frame["size"])
    return faults(
        frame,
        clear & (frame[column] != frame["most"]),
        lambda row: (
            f"{row['group']} is `{row['most']}` in {row['same']} of {row['size']} boxes and `{row[column]}` here"
        ),
    )


def crops_agree(tables: Tables, limits: Crops) -> pd.DataFrame:
    """A row for each crop that can be compared; a fault where it is far from the others of its individual."""
    boxes, images = tables.labelled, tables.images
    visible = images.has_crop[boxes["row"].to_numpy()] & boxes["identity"].notna().to_numpy()
    visible &= boxes["occlusion"].fillna(0).to_numpy() < 0.3  # noqa: PLR2004 - a third hidden is another picture
    keys = ["identity", "camera", "day", "sequence"]
    empty = dict.fromkeys(keys, "")
    frame = boxes.loc[visible, ["row", "sample", *keys]].fillna(empty).reset_index(drop=True)
    distance = np.full(len(frame), np.nan)
    for places in frame.groupby(keys, sort=False).indices.values():
        if len(places) >= limits.smallest:
            distance[places] = _distances(images.crops[frame["row"].to_numpy()[places]])
    frame = frame.assign(distance=distance).dropna(subset=["distance"])
    usual = float(frame["distance"].median()) if len(frame) else 0.0
    spread = max(LEAST_SPREAD, NORMAL * float((frame["distance"] - usual).abs().median() if len(frame) else 0.0))
    group = frame.groupby(keys)["distance"].transform("median")
    far = frame["distance"] - np.maximum(group, usual) > limits.spreads * spread
    return faults(
        frame,
        far,
        lambda row: f"a crop of identity {row['identity']} looks unlike its others at camera {row['camera']}",
    )


def _distances(crops: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Of each crop, the median Hellinger distance to the others."""
    alike = np.clip(crops @ crops.T, 0, 1).astype(np.float64)
    apart = np.sqrt(1 - alike)
    np.fill_diagonal(apart, np.nan)
    middle: npt.NDArray[np.float64] = np.nanmedian(apart, axis=1)
    return middle


def tracks_without_jumps(tables: Tables, limits: Jumps) -> pd.DataFrame:
    """Between neighbouring frames an object stays within a few of its own lengths of where it was."""
    boxes = tables.labelled.dropna(subset=["track", "frame", "sequence"])
    keys = ["sequence", "camera", "width", "height", "track"]
    boxes = boxes.assign(
        camera=boxes["camera"].fillna(""), cx=boxes["x"] + boxes["w"] / 2, cy=boxes["y"] + boxes["h"] / 2
    )
    boxes = boxes.sort_values([*keys, "frame"], kind="stable")
    length = np.maximum(boxes["w"], boxes["h"])
    by_track = boxes.groupby(keys, sort=False)
    step = by_track["frame"].diff()
    usual = step[step > 0].median()
    moved = np.hypot(by_track["cx"].diff(), by_track["cy"].diff())
    lengths = moved / np.maximum(np.maximum(length, by_track["w"].shift()), 1.0)
    frame = boxes[["row", "sample", "track", "sequence"]].assign(lengths=lengths, step=step)
    near = (step > 0) & (step <= usual)
    return faults(
        frame,
        near & (lengths > limits.lengths),
        lambda row: (
            f"track {row['track']} of {row['sequence']} leaps {row['lengths']:.1f} of its lengths in "
            f"{int(row['step'])} frames"
        ),
    )
