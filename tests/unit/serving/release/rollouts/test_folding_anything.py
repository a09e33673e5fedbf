"""The fold of entries that nobody could have meant: whatever is written, devices are told what they may run."""

import random
from dataclasses import replace

from rolling_out.book import NUMBERS, A, B, Book, C
from slipway.platform.ledger.entry import EVERY_MODEL, Action
from slipway.serving.channel.pointer import Wave
from slipway.serving.release.folding import folded


def sensible(book: Book, draw: random.Random) -> None:
    """What somebody would do next."""
    rollout, champion = book.rollout, book.champion
    newest, target = rollout.newest, rollout.target
    back = rollout.earlier(newest.number) if newest else None
    if newest and draw.randrange(5) == 0:
        book.pin(newest.number, 20, device=f"gate-{draw.randrange(3)}")
    elif back and champion and newest and draw.randrange(3) == 0:
        book.roll_back(back.bundle, champion, **({} if newest.bundle == champion else {"undoes": newest.bundle}))
    elif target:
        action = draw.choice((Action.ADVANCE, Action.ADVANCE, Action.PAUSE, Action.RESUME))
        book.move(action, target.number, **({"finish": True} if draw.randrange(2) else {"wave": {"share": 50}}))
    elif champion and (newest is None or newest.bundle != champion):
        book.release(rollout.next_number, champion, rollout.base_number)
    else:
        bundle = draw.choice([one for one in (A, B, C) if one != champion])
        known = bundle in folded("birds", book.entries)[1].versions
        book.champions(bundle, known=known, action=draw.choice((Action.PROMOTE, Action.PROMOTE, Action.OVERRIDE)))


def anything(book: Book, draw: random.Random) -> None:
    """Some entry, which hardly ever fits its place."""
    bundles = (A, B, C)
    details = draw.choice(({"finish": True}, {"wave": {"share": 50}}, {"wave": 7}))
    match draw.randrange(6):
        case 4:
            holder = draw.choice(({"device": "gate-7"}, {"site": "harbour"}, {}))
            book.pin(draw.randint(0, 4), draw.choice((-1, 3, 20, 100)), **holder)
        case 5:
            book.freeze(draw.choice((-1, 1.5, 2.5, 100)), draw.choice(("birds", EVERY_MODEL, "bees")))
        case 0:
            book.release(draw.randint(0, 9), draw.choice(bundles), draw.choice((None, 1, 2, 3, 9)))
        case 1:
            book.move(draw.choice((Action.ADVANCE, Action.PAUSE, Action.RESUME)), draw.randint(0, 9), **details)
        case 2:
            undoes = draw.choice(({}, {"undoes": draw.choice(bundles)}))
            book.roll_back(draw.choice(bundles), draw.choice(bundles), **undoes)
        case 3:
            word, bundle = draw.choice((Action.REJECT, Action.COMMENT)), draw.choice(bundles)
            book.decide(word, "ben", bundle=bundle, version=NUMBERS[bundle])


def test_whatever_is_written_devices_are_told_what_they_may_run(seed: int) -> None:
    draw, told = random.Random(seed), set()
    for _ in range(12):
        book = Book()
        for _ in range(30):
            (sensible if draw.randrange(3) else anything)(book, draw)
            rollout = book.rollout
            base, target = rollout.base, rollout.target
            if base:
                assert base.number >= rollout.floor  # no device has seen a floor above it
            if target:
                assert target.number == max(rollout.releases)
                assert rollout.paused or not rollout.is_quarantined(target)
                assert base is None or target.floor == base.number
            assert rollout.wave == Wave() or target
            for pinned in (rollout.releases[pin.release.number] for pin in book.told.pins):
                assert pinned.number >= rollout.floor
                assert not pinned.undone
                assert not rollout.is_quarantined(pinned)
            assert book.told.model == "birds"
            told |= {step.what.split()[0] for step in rollout.steps}
        void = {one.written.entry.number for one in book.rollout.void}
        kept, _ = folded("birds", [one for one in book.entries if one.entry.number not in void])
        assert replace(book.rollout, void=()) == kept  # what is void changes nothing
    assert {"version", "undone:", "finished:", "paused", "goes", "to", "device"} <= told
