"""Are there images on both sides of a split that show the same?

Exact duplicates have the same pixels under other bytes: the same picture with another header. Near duplicates have
nearly the same hash and a thumbnail that differs by less than noise does: re-encoded, scaled, or copied. A fixed camera
that sees an empty yard twice gives thumbnails as alike as a copy; so pairs from one camera count only where their times
are equal or unknown.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from slipway.platform.data.validation.tables import Tables, faults
from slipway.platform.data.validation.verdict import SHORT
from slipway.platform.data.validation.vocabulary import Near, Parameters

BANDS: Final = 8
NEIGHBOURS: Final = 32
COLUMNS: Final = ["row", "sample", "other", "split", "other_split", "fault"]


def exact(tables: Tables, _: Parameters) -> pd.DataFrame:
    """Groups of equal pixels that stand in several splits: a row for each image that is away from the first one."""
    frame = tables.index[["row", "sample", "split"]].assign(content=tables.images.content)
    frame = frame[frame["content"].map(len) > 0]
    first = frame.drop_duplicates("content").set_index("content")
    frame = frame.assign(other=frame["content"].map(first["sample"]), other_split=frame["content"].map(first["split"]))
    frame = frame[frame["sample"] != frame["other"]]
    return _told(frame, "shows exactly what")


def near(tables: Tables, limits: Near) -> pd.DataFrame:
    """Pairs across splits whose pictures are the same but for encoding and scale."""
    images, index = tables.images, tables.index
    usable = np.flatnonzero([len(content) > 0 for content in images.content])
    left, right = _candidates(images.hashes, usable, limits.distance)
    splits = index["split"].to_numpy()
    keep = splits[left] != splits[right]
    left, right = left[keep], right[keep]
    apart = np.abs(images.thumbnails[left].astype(np.int16) - images.thumbnails[right].astype(np.int16))
    same = (apart.mean(axis=1) <= limits.levels) & (apart.max(axis=1, initial=0) <= 4 * limits.levels)
    same &= ~_both_seen_by_one_camera(index, left, right)
    left, right = left[same], right[same]
    different = np.array([images.content[a] != images.content[b] for a, b in zip(left, right, strict=True)], dtype=bool)
    left, right = left[different], right[different]
    frame = index[["row", "sample", "split"]].iloc[right].reset_index(drop=True)
    frame["other"] = index["sample"].to_numpy()[left]
    frame["other_split"] = splits[left]
    return _told(frame, "shows nearly what")


def _told(frame: pd.DataFrame, how: str) -> pd.DataFrame:
    across = frame["split"] != frame["other_split"]
    return faults(
        frame,
        across,
        lambda row: f"an image of {row['split']} {how} sample {row['other'][:SHORT]} of {row['other_split']} shows",
    )[COLUMNS]


def _both_seen_by_one_camera(
    index: pd.DataFrame, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    camera = index["camera"].fillna("").to_numpy(dtype=object)
    moment = (index["day"].fillna("") + index["time"].astype(str)).to_numpy(dtype=object)
    same: npt.NDArray[np.bool_] = (
        (camera[left] == camera[right]) & (camera[left] != "") & (moment[left] != moment[right])
    ).astype(np.bool_)
    return same


def _candidates(
    hashes: npt.NDArray[np.uint64], usable: npt.NDArray[np.int64], distance: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of images at most `distance` bits apart: such a pair agrees in one of eight bytes of its hashes."""
    pairs = [pair for band in range(BANDS) for pair in _band(hashes, usable, band, distance)]
    if not pairs:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    found = np.unique(np.concatenate(pairs), axis=0)
    return found[:, 0], found[:, 1]


def _band(
    hashes: npt.NDArray[np.uint64], usable: npt.NDArray[np.int64], band: int, distance: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Neighbours in the order of the hash turned so that this byte comes first.

    Each image is compared with the next few of that order and not with all that share the byte: with equal pictures of
    one yard by the thousand, that would be millions of pairs.
    """
    shift = np.uint64(8 * band)
    rest = np.uint64((64 - 8 * band) % 64)
    turned = (hashes[usable] << shift) | (hashes[usable] >> rest)
    order = usable[np.argsort(turned, kind="stable")]
    for step in range(1, min(NEIGHBOURS, len(order) - 1) + 1):
        first, second = order[:-step], order[step:]
        close = np.bitwise_count(hashes[first] ^ hashes[second]) <= distance
        yield np.stack([np.minimum(first[close], second[close]), np.maximum(first[close], second[close])], axis=1)
