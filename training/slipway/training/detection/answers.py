"""What a detector's map says, as the table that anybody can hand in to be judged.

A line for each box: `sample`, `x`, `y`, `w`, `h` in pixels of the image from its upper left corner, `category`, and
`score`, which is greater where the box is surer. No suppression is applied: the map's peaks are the answer.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

NUMBERS: Final = ("x", "y", "w", "h", "score")
SCHEMA: Final = pa.schema(
    [
        pa.field(name, pa.float64() if name in NUMBERS else pa.string())
        for name in ("sample", "x", "y", "w", "h", "category", "score")
    ]
)
SMALLEST: Final = 1e-30
"""What was cut to 0 is no answer."""
Floats = npt.NDArray[np.float32]


def table(
    peaks: Floats,
    boxes: Floats,
    rows: pa.Table,
    categories: Sequence[str],
    size: tuple[int, int],
    most: int,
    least: float,
) -> pa.Table:
    """The `most` highest peaks of each image that reach `least`, inside the image."""
    images, _, height, width = peaks.shape
    flat = peaks.reshape(images, -1)
    chosen = np.argsort(-flat, axis=1, kind="stable")[:, :most]
    scores = np.take_along_axis(flat, chosen, axis=1)
    row, rank = np.nonzero(scores >= max(least, SMALLEST))
    kind, place = np.divmod(chosen[row, rank], height * width)
    wide, high = rows["width"].to_numpy()[row], rows["height"].to_numpy()[row]
    found = boxes.reshape(images, 4, -1)[row, :, place].astype(np.float64)
    across = (found[:, ::2] * (wide / size[1])[:, None]).clip(0, wide[:, None])
    down = (found[:, 1::2] * (high / size[0])[:, None]).clip(0, high[:, None])
    columns = {
        "sample": rows["sample"].to_numpy()[row],
        "x": across[:, 0],
        "y": down[:, 0],
        "w": across[:, 1] - across[:, 0],
        "h": down[:, 1] - down[:, 0],
        "category": np.array(list(categories))[kind],
        "score": scores[row, rank].astype(np.float64),
    }
    # A box that lies wholly beside the image is none.
    seen = (columns["w"] > 0) & (columns["h"] > 0)
    return pa.table({name: values[seen] for name, values in columns.items()}, schema=SCHEMA)
