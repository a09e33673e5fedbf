"""Do the tables, the shards and the images belong together?"""

import pandas as pd

from slipway.platform.data.shards import FOLDER, shard_path
from slipway.platform.data.validation.tables import Row, Tables, faults
from slipway.platform.data.validation.verdict import SHORT
from slipway.platform.data.validation.vocabulary import Inside, Parameters


def rows_inside_shards(tables: Tables, _: Parameters) -> pd.DataFrame:
    """The manifest lists each row's shard, it is there, and it is long enough."""
    folder, listed = tables.snapshot.folder, tables.snapshot.manifest.files
    problems: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for shard in tables.index["shard"].unique():
        path = shard_path(folder, shard)
        entry = listed.get(f"{FOLDER}/{shard}.tar")
        sizes[shard] = path.stat().st_size if path.is_file() else 0
        if entry is None:
            problems[shard] = f"shard {shard[:SHORT]} is not in the manifest"
        elif not path.is_file():
            problems[shard] = f"shard {shard[:SHORT]} is missing"
    frame = tables.index[["row", "sample", "shard", "offset", "length"]]
    beyond = (frame["offset"] + frame["length"] > frame["shard"].map(sizes).astype(float)) | (frame["offset"] < 0)
    beyond |= frame["length"] <= 0

    def tell(row: Row) -> str:
        shard = row["shard"]
        return problems.get(shard) or (
            f"shard {shard[:SHORT]} is truncated: it has {sizes[shard]:,} bytes and an image should be at "
            f"{row['offset']:,}, {row['length']:,} bytes long"
        )

    return faults(frame, beyond | frame["shard"].isin(problems), tell)


def images_decode(tables: Tables, _: Parameters) -> pd.DataFrame:
    """Every image can be seen, to its end."""
    return tables.index[["row", "sample"]].assign(fault=pd.Series(tables.images.fault, dtype=object))


def bytes_match(tables: Tables, _: Parameters) -> pd.DataFrame:
    """The bytes are those that the sample id names."""
    return tables.index[["row", "sample"]].assign(fault=pd.Series(tables.images.bytes_fault, dtype=object))


def sizes_match(tables: Tables, _: Parameters) -> pd.DataFrame:
    """The image is as large as the index says; what does not decode is told elsewhere."""
    frame = tables.index[["row", "sample", "width", "height"]].assign(
        found_width=tables.images.sizes[:, 0], found_height=tables.images.sizes[:, 1]
    )
    differs = (frame["width"] != frame["found_width"]) | (frame["height"] != frame["found_height"])
    return faults(
        frame,
        differs & (frame["found_width"] > 0),
        lambda row: (
            f"the index says {row['width']} x {row['height']}, the image has "
            f"{row['found_width']} x {row['found_height']}"
        ),
    )


def boxes_on_known_samples(tables: Tables, _: Parameters) -> pd.DataFrame:
    """Every box is on an image that is there."""
    frame = tables.boxes[["row", "sample", "category"]]
    return faults(
        frame,
        ~frame["sample"].isin(tables.index["sample"]),
        lambda row: f"a box of `{row['category']}` is on sample {row['sample'][:SHORT]}, which is not in the index",
    )


def boxes_of_known_identities(tables: Tables, _: Parameters) -> pd.DataFrame:
    """Every identity of a box has a row of its own."""
    frame = tables.boxes[["row", "sample", "identity"]]
    unknown = frame["identity"].notna() & ~frame["identity"].isin(tables.identities["identity"])
    return faults(frame, unknown, lambda row: f"identity `{row['identity']}` is not in identities")


def boxes_inside_images(tables: Tables, inside: Inside) -> pd.DataFrame:
    """Boxes have an area and lie in their image."""
    frame = tables.labelled[["row", "sample", "category", "x", "y", "w", "h", "width", "height"]].copy()
    finite = frame[["x", "y", "w", "h"]].notna().all(axis=1)
    frame["tiny"] = ~finite | (frame["w"] < inside.smallest) | (frame["h"] < inside.smallest)
    outside = (frame["x"] < -inside.tolerance) | (frame["y"] < -inside.tolerance)
    outside |= frame["x"] + frame["w"] > frame["width"] + inside.tolerance
    outside |= frame["y"] + frame["h"] > frame["height"] + inside.tolerance

    def tell(row: Row) -> str:
        box = f"box {row['x']:g}, {row['y']:g}, {row['w']:g} x {row['h']:g} of `{row['category']}`"
        what = "is degenerate" if row["tiny"] else f"is not inside its image of {row['width']} x {row['height']}"
        return f"{box} {what}"

    return faults(frame, frame["tiny"] | outside, tell)
