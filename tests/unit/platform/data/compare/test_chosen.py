"""What changed for somebody who looks through a view: a real pair of snapshots for each way of changing."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from slipway.platform.data.chosen import Rows, rows_between
from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.view import View
from slipway.platform.data.writer import SnapshotWriter

VIEW = View.of({"view": "bay"})
Said = tuple[int, str, str, str, str]
"""Number, what it shows, the state of its label, of its box, and who wrote that."""
Make = Callable[[str, Iterable[Said]], Snapshot]


def row(number: int, said: str = "free", state: str = "human", author: str = "ada", view: str = "bay") -> Said:
    return number, said, state, author, view


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def write(name: str, rows: Iterable[Said]) -> Snapshot:
        with SnapshotWriter(tmp_path / name) as writer:
            for number, said, state, author, view in rows:
                image = Image(
                    width=8, height=8, split="train", source=f"{number}.jpg", label_state=state, slices={"view": view}
                )
                box = Box(category=said, x=0, y=0, w=8, h=8, label_state=state, author=author)
                writer.add(b"\xff\xd8\xff%d" % number, image, [box] if state != "unlabelled" else [])
            writer.finish([], "unknown")
        return Snapshot(tmp_path / name)

    return write


BASE = [row(1), row(2), row(3, "occupied"), row(4, state="unlabelled"), row(9, view="scene")]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (BASE, Rows()),
        ([*BASE, row(5), row(6, state="auto")], Rows(added=2, by_people=1)),
        ([*BASE, row(5, state="unlabelled"), row(6, state="disputed")], Rows(unlabelled=2)),
        (BASE[1:], Rows(removed=1)),
        ([row(1, "occupied"), *BASE[1:]], Rows(relabelled=1, by_people=1)),
        ([row(1, "occupied", "auto"), *BASE[1:]], Rows(relabelled=1)),
        ([*BASE[:3], row(4), BASE[4]], Rows(relabelled=1, by_people=1)),
        ([row(1, state="disputed"), *BASE[1:]], Rows(relabelled=1)),
        ([row(1, state="reviewed", author="ben"), *BASE[1:]], Rows(confirmed=1)),
        ([*BASE, row(7, view="scene"), row(8, view="crop")], Rows(elsewhere=2)),
        ([*BASE[:4], row(9, "occupied", view="scene")], Rows(elsewhere=1)),
        ([*BASE[:4], row(9)], Rows(added=1, by_people=1)),
    ],
    ids=[
        "nothing", "added", "added without a label", "removed", "relabelled by a person", "relabelled by a machine",
        "labelled at last", "disputed", "reviewed and left", "rows that the view does not choose",
        "another label there", "moved into the view",
    ],
)  # fmt: skip
def test_each_way_of_changing_is_counted_as_what_it_is(make: Make, after: list[Said], expected: Rows) -> None:
    assert rows_between(make("before", BASE), make("after", after), VIEW) == expected


def test_a_view_that_chooses_nothing_yet_has_no_rows(make: Make) -> None:
    nowhere = View.of({"view": "plate"})
    assert rows_between(make("before", BASE), make("after", [*BASE, row(5)]), nowhere) == Rows(elsewhere=1)
