"""Writing re-identification folders: files that came from one get their names and folders back.

Other images with one box that has an identity and covers a quarter of them or more are crops. They get Market-1501's
names: training and validation images in `bounding_box_train` and `bounding_box_val`; of the test images the first of
each identity and camera in `query`, the others in `bounding_box_test`. The rest is left out, and the person is told.
"""

from typing import Final

from slipway.platform.data.exchange.rows_out import ImageRow, Sink, image_rows
from slipway.platform.data.snapshot import Snapshot

FOLDERS: Final = {"train": "bounding_box_train", "validation": "bounding_box_val", "test": "bounding_box_test"}
QUERY: Final = "query"
CROP_SHARE: Final = 0.25


def write_reid(snapshot: Snapshot, sink: Sink) -> list[str]:
    """Write everything; returns remarks."""
    rows = [(row, _dataset(row)) for row in image_rows(snapshot)]
    names = {dataset for _, dataset in rows if dataset is not None}
    own = [row for row, dataset in rows if dataset is None]
    crops = [row for row in own if _is_crop(row)]
    apart = len(names) > 1 or bool(names and crops)
    for row, dataset in rows:
        for file in row.extra["files"] if dataset is not None else ():
            sink.image(f"{dataset}/{file}" if apart else file, row)
    crops.sort(key=lambda row: str(row.columns["source"]))
    namer = _Namer()
    for row in crops:
        sink.image(("slipway/" if apart else "") + namer.name(row), row)
    left_out = len(own) - len(crops)
    return [f"{left_out} images that are no crop of one individual were left out."] if left_out else []


def _dataset(row: ImageRow) -> str | None:
    return str(row.extra["dataset"]) if row.extra.get("format") == "reid" else None


def _is_crop(row: ImageRow) -> bool:
    if len(row.boxes) != 1 or row.boxes[0].columns["identity"] is None:
        return False
    box = row.boxes[0].columns
    return bool(box["w"] * box["h"] >= CROP_SHARE * row.columns["width"] * row.columns["height"])


class _Namer:
    """Numbers for identities, cameras and images, in the order in which they come."""

    def __init__(self) -> None:
        self._identities: dict[str, int] = {}
        self._cameras: dict[str, int] = {}
        self._counts: dict[tuple[int, int], int] = {}

    def name(self, row: ImageRow) -> str:
        identity = row.boxes[0].columns["identity"]
        number = self._identities.setdefault(identity, len(self._identities) + 1)
        camera = self._cameras.setdefault(row.columns["camera"] or "", len(self._cameras) + 1)
        count = self._counts[number, camera] = self._counts.get((number, camera), -1) + 1
        split = row.columns["split"]
        folder = QUERY if split == "test" and count == 0 else FOLDERS[split]
        return f"{folder}/{number:04d}_c{camera}s1_{count:06d}_00.{row.suffix()}"
