"""What was said of images, held against a snapshot row by row: which rows change, and which are left and why.

Everything is worked out before anything is written. Of several words about one image each is heard in its turn.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from slipway.platform.data.labels.history import Row, labels_of, rows_with
from slipway.platform.data.labels.opinions import Become, Opinion, heard, people
from slipway.platform.data.labels.words import Word, marks_of

if TYPE_CHECKING:
    from slipway.platform.data.snapshot import Snapshot

Asked = Literal["auto", "human", "reviewed", "disputed"]
Rows = tuple[Row, Sequence[Row]]
"""An image and its boxes."""


@dataclass(frozen=True)
class Told:
    """What became of a row."""

    sample: str
    source: str
    place: str
    author: str
    before: str
    after: str
    how: Become
    why: str = ""

    def as_data(self) -> dict[str, str]:
        """Plain JSON."""
        return dict(vars(self))


@dataclass
class Relabelled:
    """Rows that change, and what became of each word."""

    rows: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = field(default_factory=dict)
    """By sample; those that are as they were are not among them."""
    told: list[Told] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many words became what."""
        return dict(sorted(Counter(one.how for one in self.told).items()))

    def of(self, *how: Become) -> list[Told]:
        """Those that became one of these."""
        return [one for one in self.told if one.how in how]


def relabel(known: Mapping[str, Rows], words: Iterable[Word], asked: Asked, now: str) -> Relabelled:
    """Hear all words about known images; `now` is when they were said, where a word does not tell."""
    done = Relabelled()
    for word in words:
        image, boxes = done.rows.get(word.sample) or known[word.sample]
        before = labels_of(image, boxes)
        size = image["width"], image["height"]
        marks = None if word.drawn is None or asked == "disputed" else marks_of(word.drawn, before.marks, size)
        opinion = Opinion(author=word.author, at=word.at or now, marks=marks, machine=asked == "auto")
        outcome = heard(before, opinion, review=asked == "reviewed")
        if outcome.how not in ("unchanged", "left"):
            done.rows[word.sample] = rows_with(image, boxes, outcome.labels)
        why = outcome.why
        if outcome.how == "disputed":
            why = f"{' and '.join(dict.fromkeys(people(outcome.labels.opinions)))} differ"
        state = outcome.labels.state
        done.told.append(
            Told(word.sample, image["source"], word.place, word.author, before.state, state, outcome.how, why)
        )
    return done


def known_rows(snapshot: "Snapshot", samples: Iterable[str]) -> dict[str, Rows]:
    """The rows of those of these samples that a snapshot has."""
    from slipway.platform.data.columns import where, within

    wanted = sorted(set(samples))
    boxes: dict[str, list[Row]] = {}
    for box in where(snapshot.boxes, within(snapshot.boxes["sample"], wanted)).to_pylist():
        boxes.setdefault(box["sample"], []).append(box)
    index = where(snapshot.index, within(snapshot.index["sample"], wanted))
    return {row["sample"]: (row, boxes.get(row["sample"], [])) for row in index.to_pylist()}
