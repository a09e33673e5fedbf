"""Right, then wrong: rows that the champion had right and the version has wrong, with their pictures.

How wrong a row is, stands in the samples of both evaluations as `error`: a share, or a number of faults. From a half on
a row counts as wrong; shown are those that changed most.
"""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from slipway.platform.errors import SlipwayError
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.evidence import Evidence
from slipway.platform.registry.reviewing import Review

if TYPE_CHECKING:
    import pyarrow as pa

WRONG: Final = 0.5
SHOWN: Final = 12
SAMPLE, ERROR = "sample", "error"


@dataclass(frozen=True)
class Turned:
    """The rows that turned, the worst first."""

    samples: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What is said of each."""
    wrong: int = 0
    """How many turned wrong in all."""
    right: int = 0
    """How many turned right."""
    rows: int = 0
    """How many both were judged on."""


def turned(review: Review, shown: int = SHOWN) -> Turned | None:
    """Which rows turned; None where one of the two has no samples."""
    if len(review.evidence) != 2:  # noqa: PLR2004 - the champion's and the version's
        return None
    tables = [_samples(there, variant) for there, variant in zip(review.evidence, review.variants, strict=True)]
    before, after = tables
    if before is None or after is None:
        return None
    return turned_rows(before, after, shown)


def turned_rows(before: "pa.Table", after: "pa.Table", shown: int) -> Turned:
    """Which rows turned from one table to the other."""
    known = _errors(before)
    pairs = [(sample, known[sample], error) for sample, error in _errors(after).items() if sample in known]
    wrong = [one for one in pairs if one[1] < WRONG <= one[2]]
    worst = sorted(wrong, key=lambda one: (one[1] - one[2], one[0]))[:shown]
    return Turned(
        samples=tuple(sample for sample, *_ in worst),
        notes=tuple(f"error {old:.2f} with the champion, {new:.2f} now" for _, old, new in worst),
        wrong=len(wrong),
        right=sum(new < WRONG <= old for _, old, new in pairs),
        rows=len(pairs),
    )


def gallery(desk: Desk, review: Review, found: Turned) -> bytes:
    """A contact sheet of the rows that turned wrong, as PNG; empty where there are none or the data cannot be had."""
    from slipway.platform.data.gallery import contact_sheet
    from slipway.platform.data.reference import resolve
    from slipway.platform.data.snapshot import Snapshot

    if review.verdict is None or not found.samples:
        return b""
    snapshot = Snapshot(resolve(review.verdict.snapshot, desk.loaded, images=True))
    places = {sample: place for place, sample in enumerate(snapshot.index[SAMPLE].to_pylist())}
    names = [sample for sample in found.samples if sample in places]
    if not names:
        raise SlipwayError(f"Snapshot {snapshot.digest[:12]} has none of the rows that turned.")
    rows = snapshot.index.take([places[sample] for sample in names])
    title = f"{review.picked.name}: the champion had these right"
    subtitle = f"{found.wrong} of {found.rows} rows turned wrong, {found.right} turned right; the worst {len(names)}"
    notes = dict(zip(found.samples, found.notes, strict=True))
    sheet = contact_sheet(snapshot, rows, title, subtitle=subtitle, notes=notes)
    written = io.BytesIO()
    sheet.save(written, "PNG")
    return written.getvalue()


def _samples(there: Evidence, variant: str) -> "pa.Table | None":
    import pyarrow.parquet as pq

    data = there.samples(variant)
    return pq.read_table(io.BytesIO(data), columns=[SAMPLE, ERROR]) if data else None


def _errors(table: "pa.Table") -> dict[str, float]:
    """The greatest error of each sample; one that is no number was not judged."""
    found: dict[str, float] = {}
    for sample, error in zip(table[SAMPLE].to_pylist(), table[ERROR].to_pylist(), strict=True):
        if sample is not None and error is not None and np.isfinite(error):
            found[sample] = max(found.get(sample, 0.0), float(error))
    return found
