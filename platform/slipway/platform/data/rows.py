"""One image, one box, one individual, as code builds and reads them; tables hold the same by column."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import pyarrow as pa

from slipway.platform.canonical import canonical
from slipway.platform.data.schema import BOXES, IDENTITIES, INDEX, SLICE_PREFIX

Extra = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A labelled object, in pixels from the image's upper left corner."""

    category: str
    x: float
    y: float
    w: float
    h: float
    track: str | None = None
    identity: str | None = None
    occlusion: float | None = None
    label_state: str = "human"
    author: str | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Image:
    """What is known of an image besides its bytes."""

    width: int
    height: int
    split: str
    source: str
    site: str | None = None
    camera: str | None = None
    day: str | None = None
    time: float | None = None
    light: str | None = None
    weather: str | None = None
    sequence: str | None = None
    frame: int | None = None
    label_state: str = "human"
    legal_basis: str | None = None
    retention: str | None = None
    slices: Mapping[str, str] = field(default_factory=dict)
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """An individual that is seen again, and the split that all its images are in."""

    identity: str
    category: str
    split: str
    extra: Extra = field(default_factory=dict)


def image_row(sample: str, image: Image) -> dict[str, Any]:
    """An image as a row of `index`, still without its place."""
    row = _row(image)
    slices = row.pop("slices")
    return row | {"sample": sample} | {SLICE_PREFIX + name: value for name, value in slices.items()}


def box_row(sample: str, box: Box) -> dict[str, Any]:
    """A box as a row of `boxes`."""
    return _row(box) | {"sample": sample}


def identity_row(identity: Identity) -> dict[str, Any]:
    """An individual as a row of `identities`."""
    return _row(identity)


def index_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of `index`, sorted by sample, with a column for each slice that any of them has."""
    slices = sorted({name for row in rows for name in row if name.startswith(SLICE_PREFIX)})
    return _sorted(_table(rows, pa.schema([*INDEX, *(pa.field(name, pa.string()) for name in slices)])))


def boxes_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows of `boxes`, sorted by sample, then by the other columns."""
    return _sorted(_table(list(rows), BOXES))


def identities_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows of `identities`, sorted by name."""
    return _sorted(_table(list(rows), IDENTITIES))


def joined(first: pa.Table, second: pa.Table) -> pa.Table:
    """Two tables of one kind as one, as if all rows had been made into a table together."""
    fixed = INDEX if "shard" in first.column_names else BOXES
    both = {one.name: one for one in (*first.schema, *second.schema) if one.name.startswith(SLICE_PREFIX)}
    schema = pa.schema([*fixed, *(pa.field(name, pa.string()) for name in sorted(both))])
    parts = [_widened(table, schema) for table in (first, second)]
    return _sorted(pa.concat_tables(parts))


def _row(value: Image | Box | Identity) -> dict[str, Any]:
    row = {one.name: getattr(value, one.name) for one in fields(value)}
    return row | {"extra": canonical(dict(value.extra)).decode()}


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.table({one.name: pa.array([row.get(one.name) for row in rows], one.type) for one in schema}, schema)


def _sorted(table: pa.Table) -> pa.Table:
    """By the first column, which names the row, then by the others in their order."""
    order = [name for name in table.column_names if name not in ("shard", "offset", "length")]
    return table.sort_by([(name, "ascending") for name in order])


def _widened(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """With every column of the schema, in its order, empty where the table has none."""
    for one in schema:
        if one.name not in table.column_names:
            table = table.append_column(one, pa.nulls(table.num_rows, one.type))
    return table.select(schema.names).cast(schema)
