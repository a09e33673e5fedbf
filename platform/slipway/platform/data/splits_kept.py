"""Holding on to splits: no sample and no individual moves to another split between snapshots."""

from typing import TYPE_CHECKING

from slipway.platform.data.errors import SplitChanged

if TYPE_CHECKING:
    import pyarrow as pa

    from slipway.platform.data.snapshot import Snapshot

TOLD = 5


def check_splits(earlier: "Snapshot", later: "Snapshot") -> None:
    """Refuse a later snapshot in which anything that both know is in another split."""
    tables = (("sample", earlier.index, later.index), ("identity", earlier.identities, later.identities))
    moved = [line for key, before, after in tables for line in _moved(key, before, after)]
    if moved:
        more = f"\n... and {len(moved) - TOLD} more" if len(moved) > TOLD else ""
        raise SplitChanged(
            f"{len(moved)} would change their split against snapshot {earlier.digest[:12]}:\n"
            + "\n".join(moved[:TOLD])
            + more,
            mend="Splits never change, or a model is judged on what it was trained on: give them their old split.",
        )


def _moved(key: str, before: "pa.Table", after: "pa.Table") -> list[str]:
    """Rows of `after` whose split is not what it was, told with their row."""
    known = dict(zip(before.column(key).to_pylist(), before.column("split").to_pylist(), strict=True))
    table = "index.parquet" if key == "sample" else "identities.parquet"
    rows = zip(after.column(key).to_pylist(), after.column("split").to_pylist(), strict=True)
    return [
        f"{table} row {number}: {key} {name}: `{known[name]}` -> `{split}`"
        for number, (name, split) in enumerate(rows)
        if known.get(name, split) != split
    ]
