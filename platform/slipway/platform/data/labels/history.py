"""Who said what of an image, in its row: what holds stands in the columns, who said so in `extra`.

    extra["labels"] = [{"author": "ada", "at": "2026-11-29T10:00:00Z"},
                       {"author": "ben", "at": "...", "marks": [["car", 10.0, 12.0, 40.0, 20.0, null, "V1"]]}]

In the order in which they spoke. A word without `marks` is what the row's boxes say; `"marks": null` says that they are
wrong; `"machine": true` stands where no person spoke. A row without such a list is as it was imported: its author is
the boxes', and where it is `reviewed` a second person stands behind it whose name nobody knows.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from slipway.platform.canonical import canonical
from slipway.platform.data.labels.marks import Mark, pairs, unmoved
from slipway.platform.data.labels.opinions import NAMELESS, Labels, Opinion

Row = Mapping[str, Any]
KEY: Final = "labels"
PLACE: Final = ("x", "y", "w", "h")


def labels_of(image: Row, boxes: Sequence[Row]) -> Labels:
    """What holds of an image, and who said so."""
    marks = tuple(mark_of(box) for box in boxes)
    author = next((str(box["author"]) for box in boxes if box["author"]), None)
    state = str(image["label_state"])
    noted = json.loads(image["extra"]).get(KEY)
    if noted is None:
        return Labels(state=state, marks=marks, author=author, opinions=_imported(state, marks, author))
    opinions = tuple(_opinion(one, marks) for one in noted)
    said = sorted((one for one in opinions if one.marks == marks), key=lambda one: one.machine)
    first = said[0].author if said else None
    return Labels(state=state, marks=marks, author=author or first or None, opinions=opinions)


def rows_with(image: Row, boxes: Sequence[Row], labels: Labels) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The rows of an image of which this holds now; what a box was besides stays with it."""
    noted = [_noted(one, labels.marks) for one in labels.opinions]
    extra = {**json.loads(image["extra"]), KEY: noted}
    told = {"label_state": labels.state, "author": labels.author or None}
    before = [mark_of(box) for box in boxes]
    rows = [
        _box(image, boxes[at] if at is not None else None, labels.marks[number]) | told
        for at, number in pairs(before, labels.marks)
    ]
    return {**image, "label_state": labels.state, "extra": canonical(extra).decode()}, rows


def mark_of(box: Row) -> Mark:
    """A box's row as a mark."""
    return Mark(**{name: box[name] for name in ("category", *PLACE, "track", "identity")})


def _box(image: Row, known: Row | None, mark: Mark) -> dict[str, Any]:
    named = {name: getattr(mark, name) for name in ("category", *PLACE, "track", "identity")}
    if known is None:
        return {"sample": image["sample"], "occlusion": None, "extra": "{}", **named}
    if unmoved([mark_of(known)], [mark]):
        return dict(known)
    return {**known, **named}


def _imported(state: str, marks: tuple[Mark, ...], author: str | None) -> tuple[Opinion, ...]:
    """Who must have spoken, where nobody wrote it down."""
    first = Opinion(author=author or NAMELESS, at="", marks=marks, machine=state == "auto")
    somebody = Opinion(author=NAMELESS, at="", marks=marks)
    match state:
        case "auto":
            return (first,)
        case "human":
            return (first,) if author else ()
        case "reviewed":
            return (first, somebody)
        case "disputed":
            return (first, Opinion(author=NAMELESS, at="", marks=None))
    return ()


def _opinion(noted: Row, marks: tuple[Mark, ...]) -> Opinion:
    said: tuple[Mark, ...] | None = marks
    if "marks" in noted:
        said = None if noted["marks"] is None else tuple(map(_mark, noted["marks"]))
    return Opinion(author=noted["author"], at=noted["at"], marks=said, machine=noted.get("machine", False))


def _noted(opinion: Opinion, marks: tuple[Mark, ...]) -> dict[str, Any]:
    noted: dict[str, Any] = {"author": opinion.author, "at": opinion.at}
    if opinion.machine:
        noted["machine"] = True
    if opinion.marks is None:
        noted["marks"] = None
    elif opinion.marks != marks:
        noted["marks"] = [[getattr(one, name) for name in _NAMES] for one in opinion.marks]
    return noted


_NAMES: Final = ("category", *PLACE, "track", "identity")


def _mark(values: Sequence[Any]) -> Mark:
    return Mark(**dict(zip(_NAMES, values, strict=True)))
