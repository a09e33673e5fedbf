"""The cache spares requests and believes nobody: neither itself nor the store."""

import logging
from pathlib import Path

import pytest

from decided import World, chain, comment, lay
from slipway.platform.ledger.entry import entry_key
from slipway.platform.ledger.errors import LedgerDamaged


def read(world: World) -> list[int]:
    return [one.entry.number for one in world.reader(cache=True).entries()]


def entry(world: World, number: int) -> Path:
    return Path(world.store.url) / entry_key(number)


@pytest.fixture
def segment(world: World) -> Path:
    """The file that five entries were read into."""
    world.fill(5)
    read(world)
    (found,) = (world.folder / "cache").glob("*/*.jsonl")
    return found


def test_a_store_that_was_rolled_back_is_told(world: World, segment: Path) -> None:
    assert segment.exists()
    for number in (4, 5):
        entry(world, number).unlink()
    with pytest.raises(LedgerDamaged, match=r"rolled back: entry 4 is missing, .* up to 5") as told:
        read(world)
    assert told.value.number == 4
    assert str(segment.parent) in str(told.value.mend)


def test_a_store_that_was_rewritten_is_told_even_if_it_is_whole(world: World, segment: Path) -> None:
    assert segment.exists()
    kept = entry(world, 2).read_bytes()
    for number, envelope in enumerate(chain(world.signers["ada"], 7), start=1):
        entry(world, number).write_bytes(envelope)
    with pytest.raises(LedgerDamaged, match=r"rewritten: entry 1 is another one now, .* up to 5"):
        read(world)
    assert world.reader().verify().problems[0].number == 5  # the store's own note says so, too
    assert kept != entry(world, 2).read_bytes()


@pytest.mark.parametrize("damage", ["flip", "cut", "end", "empty", "nonsense"])
def test_a_damaged_cache_is_read_as_far_as_it_goes_and_made_again(world: World, segment: Path, damage: str) -> None:
    whole = segment.read_bytes()
    lines = whole.splitlines(keepends=True)
    segment.write_bytes(
        {
            "flip": b"".join([*lines[:2], lines[2].replace(b'"payload":"', b'"payload":"AA'), *lines[3:]]),
            "cut": whole[:-700],
            "end": b"".join([*lines[:4], lines[4].replace(b'"sig":"', b'"sig":"0', 1)]),
            "empty": b"",
            "nonsense": b"nonsense\n" * 5,
        }[damage]
    )
    world.write(comment("new"))
    assert world.reader(cache=True).verify().problems == ()
    assert read(world) == [1, 2, 3, 4, 5, 6]
    assert segment.read_bytes().startswith(whole)


def test_several_segments_are_read_in_order(world: World) -> None:
    lay(Path(world.store.url), world.signers["ada"], 520)
    assert read(world) == list(range(1, 521))
    files = sorted((world.folder / "cache").glob("*/*.jsonl"))
    assert [len(file.read_bytes().splitlines()) for file in files] == [256, 256, 8]
    files[1].unlink()
    assert read(world) == list(range(1, 521))


def test_a_cache_that_cannot_be_written_stops_nobody(world: World) -> None:
    world.fill(2)
    (world.folder / "cache").write_text("a file where a folder should be")
    assert read(world) == [1, 2]


def test_stores_do_not_share_a_cache(world: World, segment: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    other = world.reader(cache=True, store=type(world.store)(world.folder / "other"))  # type: ignore[call-arg]
    assert list(other.entries()) == []
    assert segment.exists()
    assert caplog.text == ""
