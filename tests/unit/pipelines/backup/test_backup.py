"""What a backup keeps and refuses, and what a restore looks at before it changes anything."""

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from forked import killed_at
from kept_history import MODEL, Keeper, settings
from slipway.pipelines.backup.order import REST, STORE, backwards, forwards, place_of, unbroken
from slipway.platform.ledger.entry import entry_key

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two turns, and a backup of them; to be copied."""
    folder = tmp_path_factory.mktemp("history")
    keeper = Keeper(folder / "project", settings(folder / "project"), MODEL)
    for letter in "ab":
        keeper.turn(letter)
    return folder


@pytest.fixture
def keeper(history: Path, tmp_path: Path) -> Keeper:
    """A copy of it for one test."""
    shutil.copytree(history, tmp_path, dirs_exist_ok=True)
    root = tmp_path / "project"
    return Keeper(root, settings(root), MODEL)


@pytest.fixture
def backups(keeper: Keeper, call: Call, tmp_path: Path) -> str:
    """Where a backup of it lies."""
    dest = str(tmp_path / "backups")
    call(keeper.folder, keeper.environ, "backup", dest)
    return dest


def elsewhere(keeper: Keeper) -> tuple[Path, dict[str, str]]:
    root = keeper.folder.parent / "elsewhere"
    return root, settings(root)


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def state_of(root: Path) -> dict[str, bytes]:
    """All that a restore could change."""
    return tree(root / ".slipway") if (root / ".slipway").exists() else {}


def pieces(backups: str) -> list[Path]:
    return sorted((Path(backups) / "content").iterdir(), key=lambda path: -path.stat().st_size)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flipped(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])


@pytest.mark.parametrize("harm", [Path.unlink, cut, flipped], ids=["missing", "cut", "flipped"])
def test_a_torn_backup_is_found_and_not_put_back(
    keeper: Keeper, backups: str, call: Call, harm: Callable[[Path], None]
) -> None:
    harm(pieces(backups)[0])
    assert "is not whole" in call(keeper.folder, keeper.environ, "backup", backups, "--verify", code=1)
    root, environ = elsewhere(keeper)
    assert "is damaged" in call(root, environ, "restore", backups, code=1)
    assert state_of(root) == {}


def test_a_backup_without_its_record_or_with_a_changed_one_is_none(keeper: Keeper, backups: str, call: Call) -> None:
    root, environ = elsewhere(keeper)
    (record,) = (Path(backups) / "backups").rglob("*.json")
    record.write_text(record.read_text().replace('"store"', '"stora"'))
    assert "cannot be read" in call(root, environ, "restore", backups, code=1)
    record.unlink()
    assert "holds no backup" in call(root, environ, "restore", backups, code=2)


def test_damaged_content_that_was_deleted_is_brought_anew(keeper: Keeper, backups: str, call: Call) -> None:
    pieces(backups)[0].unlink()
    call(keeper.folder, keeper.environ, "backup", backups)
    assert "is whole" in call(keeper.folder, keeper.environ, "backup", backups, "--verify")


def test_a_place_with_something_else_is_left_alone_without_yes_and_made_equal_with_it(
    keeper: Keeper, backups: str, call: Call
) -> None:
    keeper.turn("c")
    before = state_of(keeper.folder)
    told = call(keeper.folder, keeper.environ, "restore", backups, code=2)
    assert "store at" in told
    assert "fleet at" in told
    assert {**before, **state_of(keeper.folder)} == before | _clocks(keeper.folder)
    told = call(keeper.folder, keeper.environ, "restore", backups, "--yes")
    assert f"until {keeper.folder}/.slipway/cache/ledger is deleted" in told
    shutil.rmtree(keeper.folder / ".slipway/cache/ledger")
    found = Keeper(keeper.folder, keeper.environ, MODEL)
    assert found.standing().champion == keeper.bundle("b")
    assert set(found.devices()) == {"device-a", "device-b"}
    assert not list((keeper.folder / ".slipway/store/versions").glob(f"{keeper.bundle('c')}*"))


def _clocks(root: Path) -> dict[str, bytes]:
    """What looking itself leaves: SQLite's files beside a database."""
    return {name: data for name, data in state_of(root).items() if name.endswith(("-shm", "-wal"))}


def test_dry_runs_change_nothing(keeper: Keeper, backups: str, call: Call) -> None:
    before = tree(Path(backups))
    keeper.turn("c")
    rows = call(keeper.folder, keeper.environ, "backup", backups, "--dry-run", "--json")
    assert [row["part"] for row in rows] == ["fleet", "channel", "store", "mlflow", "artefacts", "people"]
    assert tree(Path(backups)) == before
    root, environ = elsewhere(keeper)
    rows = call(root, environ, "restore", backups, "--dry-run", "--json")
    assert {row["part"]: row["there"] for row in rows} == dict.fromkeys(("people", "mlflow", "store", "fleet"), "empty")
    assert state_of(root) == {}


@pytest.mark.parametrize("place", [1, 2, 5, 9, 14, 20, 27])
def test_a_restore_that_is_killed_names_nothing_that_is_not_there_and_goes_on(
    keeper: Keeper, backups: str, call: Call, place: int
) -> None:
    root, environ = elsewhere(keeper)
    assert killed_at(place, lambda: call(root, environ, "restore", backups))
    partly = Keeper(root, environ, MODEL)
    if partly.loaded.settings.identity.people.exists() and (root / ".slipway/store/ledger").exists():
        for bundle in partly.standing().versions:
            assert (root / f".slipway/store/versions/{bundle}.json").exists()
    call(root, environ, "restore", backups)
    assert Keeper(root, environ, MODEL).holds() == 2


def test_a_backup_that_is_killed_is_none_and_the_next_uses_what_it_left(
    keeper: Keeper, call: Call, tmp_path: Path
) -> None:
    dest = str(tmp_path / "backups")
    assert killed_at(12, lambda: call(keeper.folder, keeper.environ, "backup", dest))
    assert "holds no backup" in call(keeper.folder, keeper.environ, "backup", dest, "--verify", code=2)
    left = len(pieces(dest))
    told = call(keeper.folder, keeper.environ, "backup", dest, "--json")
    assert left > 0
    assert told["new"]["objects"] == len(pieces(dest)) - left


def test_no_private_key_is_in_it(keeper: Keeper, backups: str) -> None:
    keys = list(keeper.loaded.settings.identity.keys.glob("*.pem"))
    assert keys
    for key in keys:
        secret = b"".join(key.read_bytes().splitlines()[1:-1])
        assert all(secret[:40] not in path.read_bytes() for path in pieces(backups))


def test_a_database_is_copied_as_one_state_while_a_transaction_is_open(
    keeper: Keeper, call: Call, tmp_path: Path
) -> None:
    file = keeper.folder / ".slipway/fleet.db"
    with closing(sqlite3.connect(file)) as writer:
        writer.execute("delete from devices where id = 'device-a'")
        call(keeper.folder, keeper.environ, "backup", str(tmp_path / "backups"))
        writer.rollback()
    root, environ = elsewhere(keeper)
    call(root, environ, "restore", str(tmp_path / "backups"))
    assert set(Keeper(root, environ, MODEL).devices()) == {"device-a", "device-b"}
    assert (root / ".slipway/fleet.db").stat().st_mode & 0o777 == 0o600


def test_wrong_places_and_parts_are_refused(keeper: Keeper, call: Call, tmp_path: Path) -> None:
    root, environ = keeper.folder, keeper.environ
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").touch()
    (tmp_path / "file").touch()
    assert "holds something else" in call(root, environ, "backup", str(tmp_path / "mine"), code=2)
    assert "is a file" in call(root, environ, "backup", str(tmp_path / "file"), code=2)
    assert "lie in each other" in call(root, environ, "backup", ".slipway/store/backups", code=2)
    assert "Did you mean `fleet`" in call(root, environ, "backup", "b", "--without", "flet", code=2)
    server = {**environ, "SLIPWAY_MLFLOW__TRACKING_URI": "http://127.0.0.1:1"}
    assert "Set mlflow.database" in call(root, server, "backup", "b", code=2)
    call(root, server, "backup", "b", "--without", "mlflow", "--without", "artefacts")
    assert "nothing to copy" in call(tmp_path / "empty", settings(tmp_path / "empty"), "backup", "b", code=2)
    assert not (tmp_path / "empty/b/backups").exists()


def test_a_part_of_another_kind_is_refused(keeper: Keeper, backups: str, call: Call) -> None:
    root, environ = elsewhere(keeper)
    server = {**environ, "SLIPWAY_FLEET__DATABASE": "postgresql://nobody@127.0.0.1:1/none"}
    assert "was kept from sqlite" in call(root, server, "restore", backups, code=2)
    assert state_of(root) == {}


def test_every_folder_of_a_store_has_its_place_in_the_order(keeper: Keeper) -> None:
    rest = {key.partition("/")[0] for key in keeper.desk.store.list() if place_of(key, STORE) == STORE.index(REST)}
    assert rest == set()


def test_an_entry_comes_after_those_that_name_it_and_goes_back_before_them() -> None:
    keys = [
        "results/a", "watching/m/alarms/b/0001.json", "labelling/t.json", "watching/m/look.json",
        "ledger/000000000002.json", "versions/x.json", "ledger-head.json", "work/k/result.json",
        "ledger/000000000001.json", "work/k/parts.json", "ledger-intents/i.json",
    ]  # fmt: skip
    assert forwards(keys, STORE) == [
        "ledger-head.json", "ledger-intents/i.json", "ledger/000000000002.json", "ledger/000000000001.json",
        "versions/x.json", "watching/m/look.json", "labelling/t.json", "watching/m/alarms/b/0001.json",
        "work/k/result.json", "work/k/parts.json", "results/a",
    ]  # fmt: skip
    assert backwards(keys, STORE) == list(reversed(forwards(keys, STORE)))


def test_entries_after_a_gap_in_a_listing_are_left_for_the_next_time() -> None:
    keys = [entry_key(number) for number in (1, 2, 4)]
    assert unbroken(keys) == keys[:2]


def test_content_is_named_by_its_digest(backups: str) -> None:
    for path in pieces(backups):
        assert path.name == f"sha256-{hashlib.sha256(path.read_bytes()).hexdigest()}"
