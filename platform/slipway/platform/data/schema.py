"""The tables of a snapshot: their columns, types, and the values that are allowed.

`index` has a row for each image, `boxes` one for each labelled object in it, `identities` one for each individual that
is seen again. Slice columns beyond the fixed ones are strings whose names begin with `slice_`; whatever a foreign
format knows beyond ours stays in `extra` as canonical JSON, so that an export gives it back.
"""

from collections.abc import Iterable
from typing import Final

import pyarrow as pa

SLICE_PREFIX: Final = "slice_"
SPLITS: Final = ("train", "validation", "test")
LABEL_STATES: Final = ("unlabelled", "auto", "human", "reviewed", "disputed")
LEARNED: Final = ("auto", "human", "reviewed")
"""States of labels that models learn from: nobody disputes them."""
BY_PEOPLE: Final = ("human", "reviewed")
"""Those of them that a person stands behind."""

REQUIRED: Final = False
OPTIONAL: Final = True


def _schema(columns: Iterable[tuple[str, pa.DataType, bool]]) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=nullable) for name, kind, nullable in columns])


INDEX: Final = _schema(
    (
        ("sample", pa.string(), REQUIRED),  # sha256 of the image's bytes
        ("shard", pa.string(), REQUIRED),  # sha256 of the shard's bytes, which is its name
        ("offset", pa.int64(), REQUIRED),
        ("length", pa.int64(), REQUIRED),
        ("width", pa.int32(), REQUIRED),
        ("height", pa.int32(), REQUIRED),
        ("split", pa.string(), REQUIRED),
        ("site", pa.string(), OPTIONAL),
        ("camera", pa.string(), OPTIONAL),
        ("day", pa.string(), OPTIONAL),  # ISO date
        ("time", pa.float64(), OPTIONAL),  # seconds since midnight, local
        ("light", pa.string(), OPTIONAL),
        ("weather", pa.string(), OPTIONAL),
        ("source", pa.string(), REQUIRED),  # where it came from: a relative path or an address
        ("sequence", pa.string(), OPTIONAL),
        ("frame", pa.int32(), OPTIONAL),
        ("label_state", pa.string(), REQUIRED),
        ("legal_basis", pa.string(), OPTIONAL),
        ("retention", pa.string(), OPTIONAL),  # ISO date until which it may be kept
        ("extra", pa.string(), REQUIRED),
    )
)

BOXES: Final = _schema(
    (
        ("sample", pa.string(), REQUIRED),
        ("category", pa.string(), REQUIRED),
        ("x", pa.float64(), REQUIRED),  # pixels, from the left edge
        ("y", pa.float64(), REQUIRED),
        ("w", pa.float64(), REQUIRED),
        ("h", pa.float64(), REQUIRED),
        ("track", pa.string(), OPTIONAL),
        ("identity", pa.string(), OPTIONAL),
        ("occlusion", pa.float32(), OPTIONAL),  # hidden share, 0 to 1
        ("label_state", pa.string(), REQUIRED),
        ("author", pa.string(), OPTIONAL),
        ("extra", pa.string(), REQUIRED),
    )
)

IDENTITIES: Final = _schema(
    (
        ("identity", pa.string(), REQUIRED),
        ("category", pa.string(), REQUIRED),
        ("split", pa.string(), REQUIRED),
        ("extra", pa.string(), REQUIRED),
    )
)
