"""Choosing rows of a snapshot by a filter, and finding a sample by the beginning of its id.

A comparison is true or false for every image and never unknown: a missing value fits nothing but `is none`, and `not`
(with `!=` and `not in`) is exactly what is left. A box column fits an image of which any box fits. A value that no row
has is told with the nearest one that exists, because it is a slip far more often than a question.
"""

import re
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from slipway.platform.data.columns import Mask, beginning, compare, containing, distinct, missing, where, within
from slipway.platform.data.query import AnyBox, Compare, Expression, Join, Not, Token, bad_query, parse
from slipway.platform.data.schema import LABEL_STATES, SPLITS
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import WrongUse
from slipway.platform.names import nearest, suggestion

if TYPE_CHECKING:
    from slipway.platform.data.columns import Column

ORDER: Final = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
DATES: Final = ("day", "retention")
VOCABULARY: Final = {"split": SPLITS, "label_state": LABEL_STATES}
NAMED: Final = 40
"""As many values of a column are named in an error."""

_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def select(snapshot: Snapshot, text: str | None, *, coming: bool = False) -> pa.Table:
    """The rows of `index` that a filter chooses, in the order of the index; all of them without one.

    `coming`: it is also for rows of later snapshots, so a value that no row has is no slip.
    """
    if text is None:
        return snapshot.index
    return where(snapshot.index, _Selection(snapshot, text, coming=coming).images(parse(text)))


def find_sample(snapshot: Snapshot, prefix: str) -> str:
    """The one sample whose id begins so."""
    found = beginning(snapshot.index["sample"], prefix.lower())
    if len(found) == 1:
        return found[0]
    if not found:
        raise WrongUse(
            f"No sample of {snapshot.folder} begins with `{prefix}`.",
            mend="`slipway data show --where ...` lists samples with their ids.",
        )
    raise WrongUse(
        f"{len(found)} samples of {snapshot.folder} begin with `{prefix}`.",
        mend=f"Give more of it: {', '.join(one[: len(prefix) + 4] for one in found[:8])}.",
    )


def boxes_of(snapshot: Snapshot, samples: pa.Table) -> pa.Table:
    """The boxes of some rows of the index."""
    if samples.num_rows == snapshot.index.num_rows:
        return snapshot.boxes
    return where(snapshot.boxes, within(snapshot.boxes["sample"], samples["sample"]))


class _Selection:
    """One filter over one snapshot: masks over its images, and inside `box(...)` over its boxes."""

    def __init__(self, snapshot: Snapshot, text: str, *, coming: bool) -> None:
        self._index = snapshot.index
        self._boxes = snapshot.boxes
        self._text = text
        self._coming = coming

    def images(self, expression: Expression) -> Mask:
        """Which images fit."""
        match expression:
            case Join(operator, parts):
                return _join(operator, [self.images(part) for part in parts])
            case Not(inner):
                return ~self.images(inner)
            case AnyBox(inner):
                return self._with(self.boxes(inner))
            case Compare(column) if column.text in self._index.column_names:
                return self._compare(self._index, expression)
            case Compare(column) if column.text in self._boxes.column_names:
                return self._with(self._compare(self._boxes, expression))
        raise self._unknown(expression.column, {*self._index.column_names, *self._boxes.column_names})

    def boxes(self, expression: Expression) -> Mask:
        """Which boxes fit."""
        match expression:
            case Join(operator, parts):
                return _join(operator, [self.boxes(part) for part in parts])
            case Not(inner):
                return ~self.boxes(inner)
            case AnyBox(inner):
                return self.boxes(inner)
            case Compare(column) if column.text in self._boxes.column_names:
                return self._compare(self._boxes, expression)
        raise self._unknown(expression.column, set(self._boxes.column_names))

    def _with(self, boxes: Mask) -> Mask:
        """The images that have one of these boxes."""
        return within(self._index["sample"], where(self._boxes, boxes)["sample"])

    def _compare(self, table: pa.Table, asked: Compare) -> Mask:
        column = table[asked.column.text]
        if asked.operator == "is none":
            return missing(column)
        values = [self._value(column, asked, token) for token in asked.values]
        if asked.operator == "~":
            return containing(column, str(values[0]))
        if asked.operator in ORDER:
            return compare(column, ORDER[asked.operator], values[0])
        return within(column, values)

    def _value(self, column: "Column", asked: Compare, token: Token) -> str | float:
        """A value as its column's type, or an error that says what would have been right."""
        name = asked.column.text
        if asked.operator == "~":
            return token.text
        if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            return self._number(column, name, token)
        if name in DATES:
            return self._date(name, token)
        if asked.operator in {"=", "in"} and not self._coming:
            self._check_known(column, asked, token)
        return token.text

    def _number(self, column: "Column", name: str, token: Token) -> float:
        clock = _CLOCK.fullmatch(token.text)
        if name == "time" and clock:
            hours, minutes, seconds = (int(part or 0) for part in clock.groups())
            return float(hours * 3600 + minutes * 60 + seconds)
        try:
            return int(token.text) if pa.types.is_integer(column.type) else float(token.text)
        except ValueError:
            wanted = "a whole number" if pa.types.is_integer(column.type) else "a number"
            clocks = " or a time such as 08:30" if name == "time" else ""
            problem = f"`{name}` is {wanted}{clocks}, `{token.text}` is not"
            raise bad_query(self._text, token, problem, "Correct the value.") from None

    def _date(self, name: str, token: Token) -> str:
        try:
            return date.fromisoformat(token.text).isoformat()
        except ValueError:
            problem = f"`{name}` is a date such as 2026-03-01, `{token.text}` is not"
            raise bad_query(self._text, token, problem, "Write year-month-day, with two digits each.") from None

    def _check_known(self, column: "Column", asked: Compare, token: Token) -> None:
        """Refuse what no row has. In a list, where others are known, only what looks like a slip."""
        name = asked.column.text
        names = {*distinct(column), *VOCABULARY.get(name, ())}
        others = names.intersection(other.text for other in asked.values)
        if token.text in names or (others and nearest(token.text, names - others) is None):
            return
        mend = suggestion(token.text, names)
        if len(names) > NAMED and not mend.startswith("Did"):
            mend = f"It has {len(names)} values; `{name} ~ part` finds those that contain a part."
        raise bad_query(self._text, token, f"no row has `{name}` = `{token.text}`", mend)

    def _unknown(self, column: Token, names: set[str]) -> WrongUse:
        return bad_query(self._text, column, f"there is no column `{column.text}`", suggestion(column.text, names))


def _join(operator: str, masks: list[Mask]) -> Mask:
    joined: Mask = np.logical_and.reduce(masks) if operator == "and" else np.logical_or.reduce(masks)
    return joined
