"""What appending and reading ask of the store does not grow with what is there already."""

from pathlib import Path

import pytest

from decided import Counted, World, comment, lay
from slipway.platform.ledger.entry import entry_key
from slipway.platform.ledger.heads import KEY, Head
from slipway.platform.ledger.ledger import Ledger


def appending(world: World, nonce: str) -> dict[str, int]:
    """What one append asks for."""
    store = Counted(world.store)
    Ledger(store, world.people).append(comment(nonce), world.signers["ada"])
    return dict(store.asked)


@pytest.fixture
def root(world: World) -> Path:
    return Path(world.store.url)


def test_an_append_asks_the_same_of_a_short_and_of_a_long_ledger(world: World, root: Path) -> None:
    lay(root, world.signers["ada"], 10)
    short = appending(world, "new")
    lay(root, world.signers["ada"], 1500)
    assert appending(world, "other") == short == {"get": 2, "size": 2, "put_if_absent": 2, "put": 1}


def test_without_a_note_the_head_is_found_by_doubling_and_halving(world: World, root: Path) -> None:
    lay(root, world.signers["ada"], 1500)
    (root / KEY).unlink()
    asked = appending(world, "new")
    assert asked["size"] < 30
    assert "list" not in asked
    assert world.ledger.head().entry.number == 1501  # type: ignore[union-attr]


def test_a_note_that_lags_far_behind_costs_little(world: World, root: Path) -> None:
    lay(root, world.signers["ada"], 1500)
    (root / KEY).write_bytes(Head(number=2, digest="0" * 64).to_bytes())
    assert sum(appending(world, "new").values()) < 40


def test_a_retry_looks_only_at_what_was_written_since(world: World, root: Path) -> None:
    lay(root, world.signers["ada"], 300)
    first = world.write(comment("request"))
    for index in range(3):
        world.write(comment(index))
    store = Counted(world.store)
    assert Ledger(store, world.people).append(comment("request"), world.signers["ada"]) == first
    assert store.asked["get"] == 3  # the note, the entry before, the entry itself
    assert Head.model_validate_json(world.store.get(KEY)).number == 304  # what is known of the end is not forgotten


def test_the_next_reading_fetches_only_what_is_new(world: World, root: Path) -> None:
    lay(root, world.signers["ada"], 600)
    assert len(list(world.reader(cache=True).entries())) == 600
    world.write(comment("new"))
    store = Counted(world.store)
    assert len(list(world.reader(cache=True, store=store).entries())) == 601
    assert store.asked["get"] == 4  # the newest common entry, the note, the new one, and none after it
    assert entry_key(601) == "ledger/000000000601.json"
