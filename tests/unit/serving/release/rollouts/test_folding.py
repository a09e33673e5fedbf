"""The fold of the ledger: what devices should be told, whatever the entries' writers meant."""

from typing import Any

import pytest

from rolling_out.book import A, B, Book, C
from slipway.platform.ledger.entry import Action
from slipway.serving.channel.pointer import Sampling, Wave
from slipway.serving.release.folding import folded
from slipway.serving.release.rollouts import Rollout


@pytest.fixture
def book() -> Book:
    return Book()


def test_nothing_was_released(book: Book) -> None:
    book.champions(A)
    assert (book.rollout.state, book.where()) == ("not released", (None, None))


def test_a_release_is_on_its_way_until_it_is_everybodys(book: Book) -> None:
    book.champions(A)
    book.release(1, A)
    assert (book.rollout.state, book.where(), book.told.wave) == ("rolling out", (None, 1), Wave(share=5, seed="s"))
    book.finish(1)
    assert (book.rollout.state, book.where(), book.told.wave) == ("released", (1, None), Wave())
    book.champions(B)
    assert book.where() == (1, None)
    book.release(2, B, 1, details={"wave": {"cohort": "pilot", "seed": "t"}, "minimum_agent": "0.2.0"})
    told = book.told
    assert (book.where(), told.wave, told.minimum_agent) == ((1, 2), Wave(cohort="pilot", seed="t"), "0.0.0")
    book.finish(2)
    assert (book.where(), book.told.minimum_agent) == ((2, None), "0.2.0")
    release = book.rollout.releases[2].signed
    assert (release.number, release.bundle, release.floor) == (2, B, 1)
    assert release.signed_at == book.rollout.releases[2].written.entry.at


def test_an_advance_changes_the_wave_and_keeps_the_seed(book: Book) -> None:
    book.champions(A)
    book.release(1, A)
    book.move(Action.ADVANCE, 1, wave={"share": 50, "seed": "another"})
    assert (book.where(), book.told.wave) == ((None, 1), Wave(share=50, seed="s"))


def test_a_pause_ends_with_a_resumption_or_with_the_rollout(book: Book) -> None:
    book.released(A)
    book.champions(B)
    book.release(2, B, 1)
    seen = []
    for action in (Action.PAUSE, Action.RESUME, Action.PAUSE):
        book.move(action, 2)
        seen.append((book.told.paused, book.rollout.state))
    assert seen == [(True, "paused"), (False, "rolling out"), (True, "paused")]
    book.roll_back(A, B)
    assert (book.told.paused, book.where()) == (False, (1, None))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"release": "1"}, "the number 1 was taken by then"),
        ({"release": "0"}, "it names no number"),
        ({"release": "٢"}, "it names no number"),
        ({"release": None}, "it names no number"),
        ({"base": None, "floor": 0}, "it was to replace none with the floor 0, and the base was release 1"),
        ({"floor": 0}, "it was to replace release 1 with the floor 0"),
        ({"floor": 3}, "A release lies at or above its own floor"),
        ({"version": "7"}, "is version 2, not 7"),
        ({"bundle": A, "version": "1"}, "version 1 is release 1 already"),
        ({"bundle": C, "version": "3"}, f"bundle {C[:12]} is not champion"),
        ({"bundle": "c"}, "bundle: String should match pattern"),
        ({"details": {"wave": {"share": 101}}}, "its wave cannot be read"),
        ({"details": {"wave": [5]}}, "its wave cannot be read"),
        ({"details": {"wave": None}}, "its wave cannot be read"),
        ({"details": {"minimum_agent": "newest"}}, "minimum_agent: String should match"),
        ({"details": {"minimum_agent": 1}}, "minimum_agent: Input should be a valid string"),
    ],
)
def test_a_release_that_does_not_fit_its_place_is_void(book: Book, changed: dict[str, Any], why: str) -> None:
    book.released(A)
    book.champions(B)
    entry = book.release(2, B, 1, **changed)
    assert why in book.why_void(entry)
    assert book.where() == (1, None)
    book.release(2, B, 1)
    assert book.where() == (1, 2)


def test_of_two_who_start_at_once_the_second_changes_nothing(book: Book) -> None:
    book.released(A)
    book.champions(B)
    first, second = book.release(2, B, 1), book.release(2, B, 1, details={"wave": {"share": 100}})
    assert (book.why_void(first), book.why_void(second)) == ("", "the number 2 was taken by then")
    assert book.told.wave.share == 5
    assert len(book.rollout.releases) == 2


def test_while_a_rollout_is_not_finished_no_other_one_begins(book: Book) -> None:
    book.released(A)
    book.champions(B)
    book.release(2, B, 1)
    book.champions(C)
    assert "the rollout of release 2 (version 2) is not finished" in book.why_void(book.release(3, C, 1))
    book.finish(2)
    book.release(3, C, 2)
    assert book.where() == (2, 3)


def test_a_first_release_gives_way_to_the_next_for_there_is_no_way_back(book: Book) -> None:
    book.champions(A)
    book.release(1, A)
    book.move(Action.PAUSE, 1)
    book.champions(B)
    book.release(2, B)
    assert (book.where(), book.rollout.state) == ((None, 2), "rolling out")


def test_a_champion_that_was_rejected_since_is_not_released(book: Book) -> None:
    book.champions(A)
    book.decide(Action.REJECT, "ben", bundle=A, version="1", verdict="v0")
    assert "was rejected by ben since it became champion" in book.why_void(book.release(1, A))
    book.decide(Action.APPROVE, "ben", bundle=A, version="1", verdict="v0")
    book.release(1, A)
    assert book.where() == (None, 1)


def test_a_champion_whose_approval_moved_to_another_verdict_is_not_released(book: Book) -> None:
    book.champions(A)
    book.decide(Action.APPROVE, "ben", bundle=A, version="1", verdict="another")
    assert "has 0 of 1 approvals on the verdict that made it champion" in book.why_void(book.release(1, A))


def test_an_override_makes_a_champion_that_can_be_released(book: Book) -> None:
    book.champions(A, action=Action.OVERRIDE)
    book.release(1, A)
    assert book.where() == (None, 1)


def test_an_undo_is_one_entry_and_says_all(book: Book) -> None:
    book.released(A)
    book.champions(B)
    book.release(2, B, 1)
    entry = book.roll_back(A, B)
    rollout = book.rollout
    assert (book.where(), book.champion, rollout.state) == ((1, None), A, "released")
    undone = rollout.releases[2].undone
    assert undone is not None
    assert undone.entry.number == entry
    assert rollout.steps[-1].what == "undone: devices go back to release 1 (version 1)"
    assert rollout.last == undone


def test_what_is_everybodys_can_be_undone_down_to_the_floor(book: Book) -> None:
    book.released(A, B, C)
    assert [one.floor for one in book.rollout.releases.values()] == [0, 1, 2]
    book.roll_back(B, C)
    assert book.where() == (2, None)
    book.roll_back(A, B)
    assert (book.where(), book.champion) == ((2, None), A)
    assert book.rollout.steps[-1].what == "quarantined, and there is no release to go back to"


def test_an_undo_takes_the_release_out_also_where_another_is_champion_by_now(book: Book) -> None:
    book.released(A)
    book.champions(B)
    book.release(2, B, 1)
    book.champions(C)
    book.roll_back(A, C, undoes=B)
    standing = folded("birds", book.entries)[1]
    assert (book.where(), standing.champion) == ((1, None), A)
    assert [bool(standing.versions[one].quarantined) for one in (A, B, C)] == [False, True, False]


def test_an_undo_where_the_champion_is_the_base_again_only_quarantines(book: Book) -> None:
    book.released(A)
    book.champions(B)
    book.release(2, B, 1)
    book.champions(A, known=True)
    book.roll_back(A, A, undoes=B)
    standing = folded("birds", book.entries)[1]
    assert (book.where(), standing.champion) == ((1, None), A)
    assert standing.versions[B].quarantined
    assert standing.history[-1].after == A


def test_a_first_release_that_is_quarantined_stays_paused(book: Book) -> None:
    book.champions(B)
    book.champions(A)
    book.release(1, A)
    book.roll_back(B, A)
    assert (book.where(), book.told.paused) == ((None, 1), True)
    for action in (Action.RESUME, Action.ADVANCE):
        assert book.why_void(book.move(action, 1, finish=True)) == "release 1 is quarantined"
    book.release(2, B)
    assert (book.where(), book.told.paused) == ((None, 2), False)


@pytest.mark.parametrize(
    ("replaces", "undoes"), [(A, B), (C, A), (C, "d" * 64)], ids=["not the champion", "itself", "nobody's"]
)
def test_an_undo_that_does_not_fit_changes_nothing(book: Book, replaces: str, undoes: str) -> None:
    book.released(A)
    book.champions(B)
    book.release(2, B, 1)
    book.champions(C)
    before = book.where()
    book.roll_back(A, replaces, undoes=undoes)
    assert (book.where(), book.champion) == (before, C)
    assert folded("birds", book.entries)[1].why_void(len(book.entries))


def test_what_was_quarantined_is_released_again_after_a_new_approval_only(book: Book) -> None:
    book.released(A)
    book.champions(B)
    book.release(2, B, 1)
    book.roll_back(A, B)
    assert "is not champion" in book.why_void(book.release(3, B, 1))
    book.champions(B, known=True, action=Action.OVERRIDE)
    assert "was quarantined by entry" in book.why_void(book.release(3, B, 1))
    book.roll_back(A, B)
    book.champions(B, known=True)
    book.release(3, B, 1)
    assert book.where() == (1, 3)
    book.finish(3)
    assert book.where() == (3, None)


@pytest.mark.parametrize("action", [Action.ADVANCE, Action.PAUSE, Action.RESUME])
def test_moves_of_what_is_not_on_its_way_are_void(book: Book, action: Action) -> None:
    book.released(A)
    assert book.why_void(book.move(action, 1)) == "nothing of birds is on its way"
    book.champions(B)
    book.release(2, B, 1)
    assert book.why_void(book.move(action, 1)) == "release 2 is on its way, not 1"
    assert book.where() == (1, 2)


def test_what_is_paused_is_neither_advanced_nor_paused_again(book: Book) -> None:
    book.champions(A)
    book.release(1, A)
    assert "was not paused" in book.why_void(book.move(Action.RESUME, 1))
    book.move(Action.PAUSE, 1)
    for action, why in ((Action.ADVANCE, "was paused"), (Action.PAUSE, "was paused already")):
        assert why in book.why_void(book.move(action, 1, finish=True))
    assert book.where() == (None, 1)


def test_an_advance_to_nowhere_is_void(book: Book) -> None:
    book.champions(A)
    book.release(1, A)
    for details in ({"wave": {"share": "all"}}, {}, {"finish": "yes"}):
        assert "its wave cannot be read" in book.why_void(book.move(Action.ADVANCE, 1, **details))
    assert book.told.wave.share == 5


def test_which_pictures_are_kept_is_told_whatever_devices_run(book: Book) -> None:
    book.decide(Action.SAMPLE, "dora", {"sampling": {"share": 0.01, "per_day": 50}})
    book.released(A)
    assert book.told.sampling == Sampling(share=0.01, per_day=50)
    void = [book.decide(Action.SAMPLE, "dora", details).entry.number for details in ({}, {"sampling": {"share": 2}})]
    assert all("cannot be read" in book.why_void(entry) for entry in void)
    book.decide(Action.SAMPLE, "dora", {"sampling": {"confidence_below": 0.6, "per_day": 9}})
    assert book.told.sampling == Sampling(confidence_below=0.6, per_day=9)
    assert book.rollout.steps[-1].what == "devices keep those below 0.6 confidence, at most 9 a day"


def test_entries_of_other_models_say_nothing(book: Book) -> None:
    book.released(A)
    assert folded("fish", book.entries)[0] == Rollout("fish")
