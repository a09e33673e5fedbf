"""The fold of sites: what their devices follow, and which entries count for nothing."""

import random
from datetime import timedelta
from typing import Any

import pytest

from rolling_out.book import START, Book
from slipway.platform.ledger.entry import EVERY_MODEL, Action
from slipway.serving.release.sites import LARGEST_CONFIG, Site, meant_for, site_pointer, sites_of

HALF = {"share": 50}


class Sites(Book):
    """Entries about sites."""

    def configure(self, site: str, number: Any, **details: Any) -> str:
        """Why it is void; empty where it counts."""
        written = self.decide(Action.CONFIGURE, "edda", details, model=EVERY_MODEL, site=site, number=number)
        found = sites_of(self.entries).get(site)
        return (found.why_void(written.entry.number) if found else "no site") or ""

    def site(self, name: str = "harbour") -> Site:
        return sites_of(self.entries).get(name, Site(name))

    def follow(self, name: str = "harbour") -> tuple[int | None, int | None]:
        """Numbers of base and target."""
        pointer = site_pointer(self.site(name), sequence=1, signed_at=self.next_at)
        return pointer.base.number if pointer.base else None, pointer.target.number if pointer.target else None


@pytest.fixture
def book() -> Sites:
    return Sites()


def zone(name: str) -> dict[str, str]:
    return {"zone": name}


def test_a_configuration_is_set_staged_finished_and_undone(book: Sites) -> None:
    assert book.configure("harbour", 1, config=zone("UTC")) == ""
    assert book.follow() == (1, None)
    assert book.configure("harbour", 2, config=zone("Europe/Lisbon"), wave=HALF) == ""
    assert book.follow() == (1, 2)
    assert book.site().wave.seed == "harbour-2"
    assert book.configure("harbour", 2, wave={"share": 80}) == ""
    assert (book.follow(), book.site().wave.share) == ((1, 2), 80)
    assert book.configure("harbour", 2, finish=True) == ""
    assert book.follow() == (2, None)
    assert book.configure("harbour", 2, undo=True) == ""
    assert book.follow() == (1, None)
    assert book.configure("harbour", 3, config=zone("UTC"), wave={"cohort": "early"}) == ""
    assert book.configure("harbour", 3, undo=True) == ""
    assert book.follow() == (1, None)
    assert [one.what for one in book.site().steps][-2:] == ["for the cohort early", "undone"]


def test_what_was_meant_for_a_device_is_known_for_every_moment(book: Sites) -> None:
    for number, more in ((1, {}), (2, {"wave": {"cohort": "early"}})):
        book.configure("harbour", number, config=zone("UTC"), **more)
    book.configure("harbour", 2, wave={"share": 0})
    book.configure("harbour", 2, finish=True)
    book.configure("harbour", 2, undo=True)
    early, others = frozenset({"early"}), frozenset[str]()

    def meant(day: float, cohorts: frozenset[str], site: str = "harbour") -> int | None:
        found = meant_for(book.entries, site, "gate-1", cohorts, START + timedelta(days=day))
        return found.number if found else None

    assert [meant(day, early) for day in (-0.5, 0.5, 1.5, 2.5, 3.5, 4.5)] == [None, 1, 2, 1, 2, 1]
    assert [meant(day, others) for day in (-0.5, 0.5, 1.5, 2.5, 3.5, 4.5)] == [None, 1, 1, 1, 2, 1]
    assert meant(4.5, early, "lisbon") is None
    set_by = meant_for(book.entries, "harbour", "gate-1", others, START + timedelta(days=3.5))
    assert set_by is not None
    assert set_by.written.entry.number == 2, "the entry that says what it is, not one that advanced it"


def test_sites_are_apart_and_no_model_hears_of_them(book: Sites) -> None:
    book.configure("harbour", 1, config=zone("UTC"))
    book.configure("airport", 1, config=zone("UTC"), wave=HALF)
    assert (book.follow("harbour"), book.follow("airport")) == ((1, None), (None, 1))
    assert book.rollout.reached == 0
    assert book.site("harbour").reached == 1


@pytest.mark.parametrize(
    ("number", "details", "why"),
    [
        (1, {"config": {}}, "the number 1 was taken"),
        (10**9, {"config": {}}, "far above"),
        ("x", {"config": {}}, "the number 0 was taken"),
        (2, {"config": {"zones": "UTC"}}, "zones"),
        (2, {"config": 7}, "cannot be read"),
        (2, {"config": {}, "wave": {"share": 101}}, "its wave cannot be read"),
        (2, {"config": {}, "wave": {"kind": "shadow"}}, "has no shadow"),
        (1, {"undo": True}, "nothing of harbour was configured before"),
        (1, {"finish": True}, "nothing of harbour is on its way"),
        (2, {"undo": True}, "configuration 1 is the newest"),
        (1, {}, "nothing of harbour is on its way"),
    ],
)
def test_an_entry_that_does_not_fit_is_void(book: Sites, number: Any, details: dict[str, Any], why: str) -> None:
    book.configure("harbour", 1, config=zone("UTC"))
    assert why in book.configure("harbour", number, **details)
    assert book.follow() == (1, None)


def test_what_devices_would_not_read_is_void(book: Sites) -> None:
    streams = {
        f"s{number}": {
            "device": f"d{number}",
            "source": "rtsp://x/" + "y" * 300,
            "areas": {f"a{at}": [[0, 0], [1, 1]] for at in range(9)},
        }
        for number in range(250)
    }
    assert f"at most {LARGEST_CONFIG:,}" in book.configure("harbour", 1, config={"streams": streams})
    assert book.configure("../../x", 1, config={}) == "no site"
    assert sites_of(book.entries)["harbour"].base is None


def test_whatever_is_written_devices_are_told_something_that_was_set(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(20):
        book = Sites()
        for _ in range(40):
            details = draw.choice(
                ({"config": zone(draw.choice(("UTC", "Asia/Tokyo")))}, {"undo": True}, {"finish": True}, {"wave": HALF})
            )
            wave = {"wave": HALF} if draw.randrange(2) else {}
            book.configure("harbour", draw.randint(0, 6), **{**details, **wave})
            site = book.site()
            for one in (site.base, site.target):
                assert one is None or site.known[one.number] is one
            assert site.base is not None or site.target is not None or not site.known or site.void or site.steps
