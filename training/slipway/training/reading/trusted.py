"""Which rows are learned from and which are judged on, by how far their labels can be trusted.

Learned from is what has a label that nobody disputes: a machine's, a person's, a reviewed one; a model that wants less
looks at `label_state` itself. Judged on, for figures that others rely on, is only what a second person has reviewed: in
the split `test` nothing else counts, for nobody and no gate. What was never labelled is no picture without objects, so
it is left out everywhere.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

import pyarrow as pa

from slipway.platform.data.columns import Mask, counted, equal, where, within
from slipway.platform.data.schema import LEARNED
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import SlipwayError, WrongUse

if TYPE_CHECKING:
    from slipway.training.task import Examples, Task

TEST: Final = "test"
JUDGED: Final = ("reviewed",)


class Trusted(Snapshot):
    """A snapshot of which only rows can be seen whose labels may be used."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """The same snapshot, seen so."""
        return snapshot if isinstance(snapshot, cls) else cls(snapshot.folder)

    @cached_property
    def whole(self) -> pa.Table:
        """Every row, whatever its label."""
        return self._table("index.parquet")

    @cached_property
    def index(self) -> pa.Table:
        """A row for each image whose label may be used."""
        return where(self.whole, _usable(self.whole))

    def left_out(self, split: str) -> Mapping[str, int]:
        """How many rows of a split cannot be seen, by the state of their labels."""
        rows = where(self.whole, equal(self.whole["split"], split) & ~_usable(self.whole))
        return counted(rows["label_state"])


def trusted_examples(task: "Task[Any]", snapshot: Snapshot, split: str) -> "Examples":
    """The rows of a split that may be used for what it is for; where there are none, why."""
    trusted = Trusted.of(snapshot)
    try:
        return task.examples(trusted, split)
    except SlipwayError as error:
        if not (left := trusted.left_out(split)):
            raise
        told = ", ".join(f"{count} {state}" for state, count in left.items())
        wanted = "has reviewed" if split == TEST else "has labelled"
        raise WrongUse(
            f"{error} Left out are rows whose labels nobody {wanted}: {told}.",
            mend="`slipway data label export` gives them to people, `slipway data label import` takes their labels; "
            "a source that was reviewed elsewhere is imported with --label-state reviewed."
            if split == TEST
            else "`slipway data label export` gives them to people, `slipway data label import` takes their labels.",
        ) from None


def _usable(index: pa.Table) -> Mask:
    judged = within(index["label_state"], JUDGED)
    learned = within(index["label_state"], LEARNED)
    test = equal(index["split"], TEST)
    return (test & judged) | (~test & learned)
