"""Processes that are killed before any of their writes, and ones that start at the same moment: always one release."""

import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from multiprocessing.synchronize import Barrier
from pathlib import Path

from forked import REFUSED, child, ended, killed_at
from rolling_out import MODEL, Site
from slipway.platform.ledger.entry import Action
from slipway.serving.channel.transport import NotThere
from slipway.serving.release import moving, starting

APART = 3


def released(site: Site) -> list[str]:
    """The releases that the channel's newest `models` lists."""
    listed = site.repository().metadata("models").signed.targets
    return sorted(path for path in listed if path.endswith(".release.json"))


def told(site: Site) -> tuple[int | None, int | None] | None:
    """What devices are told; None where they are told nothing yet."""
    try:
        return site.told()
    except NotThere:
        return None


def copies(root: Path, folder: Path, seed: int) -> Iterator[tuple[int, Site]]:
    """The project again and again, for every third place; which of them is the seed's to say."""
    for place in count(1 + seed % APART, APART):
        to = folder / str(place)
        shutil.copytree(root, to)
        yield place, Site(to).found_again()


def test_a_start_that_is_killed_before_any_write_ends_in_one_release(founded: Path, tmp_path: Path, seed: int) -> None:
    for place, site in copies(founded, tmp_path, seed):
        was_killed = killed_at(place, site.start)
        assert told(site) in (None, (None, 1))  # the state before or the one after, for every reader
        done = site.start()
        assert (done.released.number, done.converged.waits, told(site)) == (1, "", (None, 1))
        assert len(site.entries(Action.RELEASE)) == 1
        assert [path.rpartition("/")[2] for path in released(site)] == ["1.release.json"]
        if not was_killed:
            break
        shutil.rmtree(site.root)
    assert place > 10


def test_an_undo_that_is_killed_before_any_write_is_finished_by_the_next(led: Path, tmp_path: Path, seed: int) -> None:
    start = Site(shutil.copytree(led, tmp_path / "begun")).found_again()
    start.start()
    for place, site in copies(start.root, tmp_path, seed):
        was_killed = killed_at(place, site.undo)
        assert site.told() in ((1, 2), (1, None))
        done = site.undo()
        assert (site.told(), site.champion, done.rollout.state) == ((1, None), "a", "released")
        assert len(site.entries(Action.ROLLBACK)) == 1
        if not was_killed:
            break
        shutil.rmtree(site.root)
    assert place > 5


def at_once(barrier: Barrier, module: object, work: Callable[[], object]) -> int:
    """A process that decides when the other one does: both have looked, and nothing spoke against it."""

    def together() -> None:
        own = module.decide  # type: ignore[attr-defined]

        def decide(*args: object, **named: object) -> object:
            barrier.wait(60)
            return own(*args, **named)

        module.decide = decide  # type: ignore[attr-defined]
        work()

    return child(together)


def test_two_who_start_at_once_make_one_release(led_site: Site) -> None:
    barrier = multiprocessing.Barrier(2)
    processes = [at_once(barrier, starting, led_site.start) for _ in range(2)]
    assert sorted(map(ended, processes)) == [0, REFUSED]
    assert led_site.told() == (1, 2)
    assert len(led_site.entries(Action.RELEASE)) == 3
    (void,) = led_site.rollout.void
    assert void.why == "the number 2 was taken by then"
    assert len(released(led_site)) == 2
    assert led_site.start().before


def test_a_pause_and_an_end_at_once_end_in_what_the_ledger_says(led_site: Site) -> None:
    led_site.start()
    barrier = multiprocessing.Barrier(2)
    processes = [
        at_once(barrier, moving, lambda wanted=wanted: led_site.move(wanted))  # type: ignore[misc]
        for wanted in (moving.pausing(), moving.finishing())
    ]
    assert sorted(map(ended, processes)) == [0, REFUSED]
    assert led_site.told() in ((2, None), (1, 2))
    assert led_site.look().pointer.paused == (led_site.rollout.paused is not None)
    assert led_site.told() == (led_site.rollout.base_number, led_site.rollout.target_number)
    assert led_site.rollout.void[0].why in ("release 2 was paused", f"nothing of {MODEL} is on its way")
