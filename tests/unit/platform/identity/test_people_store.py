"""The people file changes as a whole, and no change is lost to another."""

import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from slipway.platform.errors import WrongUse
from slipway.platform.identity import People, Role
from slipway.platform.identity.people_changes import Trust, trusting
from slipway.platform.identity.people_store import PeopleStore


@pytest.fixture
def store(tmp_path: Path, moment: datetime) -> PeopleStore:
    """A file that trusts ada."""
    store = PeopleStore(tmp_path / "people.toml")
    ada = Trust(name="ada", key=CryptoSigner.generate_ed25519().public_key)
    store.update(lambda people: trusting(people, ada, moment))
    return store


def test_changes_of_many_processes_at_once_all_take_effect(tmp_path: Path) -> None:
    path = tmp_path / "new" / "people.toml"
    groups = [[f"{group}{number}" for number in range(8)] for group in ("a", "b", "c")]
    script = Path(__file__).with_name("trust_many.py")
    children = [
        subprocess.Popen(
            [sys.executable, script, path, *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for names in groups
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    names = {person.name for person in PeopleStore(path).people().persons}
    assert names == {name for group in groups for name in group}
    assert [entry.name for entry in path.parent.iterdir()] == ["people.toml"]


def test_a_preview_is_a_diff_and_changes_nothing(store: PeopleStore, moment: datetime) -> None:
    before = store.path.read_bytes()
    difference = store.preview(lambda people: trusting(people, Trust(name="ada", roles=(Role.TRAINER,)), moment))
    assert '+roles = ["trainer"]' in difference
    assert store.path.read_bytes() == before


def test_a_preview_of_nothing_is_empty_and_makes_no_file(store: PeopleStore, tmp_path: Path) -> None:
    assert not store.preview(lambda people: people)
    assert not PeopleStore(tmp_path / "other.toml").update(lambda people: people)
    assert not (tmp_path / "other.toml").exists()


def test_a_refused_change_leaves_the_file_and_makes_none(store: PeopleStore, tmp_path: Path, moment: datetime) -> None:
    def wrong(people: People) -> People:
        return trusting(people, Trust(name="grace"), moment)

    before = store.path.read_bytes()
    for other in (store, PeopleStore(tmp_path / "other.toml")):
        with pytest.raises(WrongUse):
            other.update(wrong)
    assert store.path.read_bytes() == before
    assert not (tmp_path / "other.toml").exists()


def test_permissions_and_links_are_kept(store: PeopleStore, tmp_path: Path, moment: datetime) -> None:
    store.path.chmod(0o664)
    link = tmp_path / "link.toml"
    link.symlink_to(store.path)
    assert PeopleStore(link).update(lambda people: trusting(people, Trust(name="ada", full_name="Ada"), moment))
    assert link.is_symlink()
    assert store.people().person("ada").full_name == "Ada"
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o664


def test_a_leftover_of_a_killed_process_is_no_hindrance(store: PeopleStore, moment: datetime) -> None:
    store.path.with_name(".people.toml.new").write_text("half a fi")
    assert store.update(lambda people: trusting(people, Trust(name="ada", full_name="Ada"), moment))
    assert [entry.name for entry in store.path.parent.iterdir()] == ["people.toml"]
