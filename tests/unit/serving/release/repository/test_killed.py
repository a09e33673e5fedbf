"""Whoever is killed between any two writes and starts again ends in the very same channel."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from signed_channel import Follower, Killed, KillingStore, Office, killing
from signed_channel.office import tree
from slipway.serving.bundle.folder import Bundle
from slipway.serving.release.places import channel_store
from slipway.serving.release.tuf_repository import TufRepository

APART = 3
Work = Callable[[TufRepository, Office], object]


def rotate(repository: TufRepository, _: Office) -> None:
    """Everything gets new keys."""
    repository.rotate(["root", "targets", "models", "channels", "snapshot", "timestamp"])


def killed_everywhere(make: Callable[[], tuple[Office, Work]], seed: int) -> int:
    """Hold outcomes against that of work that nobody killed, for every third write; how many it takes."""
    office, work = make()
    work(office.repository(), office)
    expected = tree(office.folder)
    for before in range(seed % APART, 200, APART):
        office, work = make()
        store = KillingStore(channel_store(office.loaded()), before)
        try:
            work(office.repository(store), office)
        except Killed:
            work(office.repository(), office)
            assert tree(office.folder) == expected, f"killed before write {before}"
        else:
            return before
    raise AssertionError("it never ends")


def test_founding(tmp_path: Path, seed: int) -> None:
    known = Office(tmp_path / "known").known()
    copies = iter(range(1000))

    def make() -> tuple[Office, Work]:
        return known.copied(tmp_path / str(next(copies))), lambda repository, _: repository.found()

    assert killed_everywhere(make, seed) > 10


def test_a_release(office: Office, bundles: tuple[Bundle, ...], tmp_path: Path, seed: int) -> None:
    copies = iter(range(1000))

    def make() -> tuple[Office, Work]:
        copy = office.copied(tmp_path / str(next(copies)))
        return copy, lambda repository, office: office.lead_with(repository, bundles[0])

    assert killed_everywhere(make, seed) > 10


def test_other_keys_for_everything(office: Office, bundles: tuple[Bundle, ...], tmp_path: Path, seed: int) -> None:
    office.lead(bundles[0])
    first = office.repository().root_bytes()
    for name in ("cleo", "dora", "rollouts"):
        office.new_key(name)
    copies = iter(range(1000))
    made = []

    def make() -> tuple[Office, Work]:
        made.append(office.copied(tmp_path / str(next(copies))))
        return made[-1], rotate

    assert killed_everywhere(make, seed) > 8
    for number, copy in enumerate(made[:3]):
        assert Follower(tmp_path / f"trust{number}", first, copy).look().base is not None


def test_a_process_that_is_really_killed(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path, seed: int
) -> None:
    before = (6, 1, 10)[seed % 3]
    whole = office.copied(tmp_path / "whole")
    whole.lead_with(whole.repository(), bundles[0])
    words = [
        sys.executable,
        str(Path(killing.__file__).with_name("releasing_killed.py")),
        str(office.root),
        str(before),
    ]
    done = subprocess.run([*words, str(bundles[0].folder)], check=False, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr

    office.lead_with(office.repository(), bundles[0])

    assert tree(office.folder) == tree(whole.folder)
