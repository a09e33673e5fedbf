"""Whoever introduces themself, how often, how many at once and however it ends: one key, one entry."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.identity import NotTrusted, Role
from slipway.platform.identity.introduction import introduce
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.identity.people_changes import Trust, revocation, revoking
from slipway.platform.identity.people_store import PeopleStore


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    """The keys of this machine."""
    return KeyRing(tmp_path / "keys")


@pytest.fixture
def store(tmp_path: Path) -> PeopleStore:
    """The people of this project."""
    return PeopleStore(tmp_path / "project" / "people.toml")


def test_the_first_one_trusts_themself(ring: KeyRing, store: PeopleStore, moment: datetime) -> None:
    found = introduce(ring, store, Trust(name="ada", roles=(Role.TRAINER,)), moment)
    assert (found.key_made, found.entry_made, found.trusted) == (True, True, True)
    ada = store.people().person("ada")
    assert (ada.roles, ada.keys[0].public_key()) == ((Role.TRAINER,), ring.load("ada").public_key)


def test_a_second_time_changes_nothing(ring: KeyRing, store: PeopleStore, moment: datetime) -> None:
    first = introduce(ring, store, Trust(name="ada"), moment)
    before = store.path.read_bytes(), (ring.folder / "ada.pem").read_bytes()
    again = introduce(ring, store, Trust(name="ada", roles=(Role.OVERRIDE,)), moment)
    assert (again.key_made, again.entry_made, again.trusted) == (False, False, True)
    assert again.key == first.key
    assert (store.path.read_bytes(), (ring.folder / "ada.pem").read_bytes()) == before


def test_the_next_one_gets_a_key_and_waits_for_trust(ring: KeyRing, store: PeopleStore, moment: datetime) -> None:
    introduce(ring, store, Trust(name="ada"), moment)
    found = introduce(ring, store, Trust(name="grace", roles=(Role.APPROVER,)), moment)
    assert (found.key_made, found.entry_made, found.trusted) == (True, False, False)
    assert [person.name for person in store.people().persons] == ["ada"]


def test_a_key_that_was_revoked_is_not_introduced_again(ring: KeyRing, store: PeopleStore, moment: datetime) -> None:
    key = introduce(ring, store, Trust(name="ada"), moment).key
    store.update(lambda people: revoking(people, key.keyid, revocation(None, "laptop stolen", moment)))
    with pytest.raises(NotTrusted, match=r"was revoked \(laptop stolen\)") as refused:
        introduce(ring, store, Trust(name="ada"), moment)
    assert "Move its file away" in (refused.value.mend or "")
    (ring.folder / "ada.pem").unlink()
    assert introduce(ring, store, Trust(name="ada"), moment).key_made


def test_a_key_file_under_the_name_of_someone_else_is_found_out(
    ring: KeyRing, store: PeopleStore, moment: datetime
) -> None:
    introduce(ring, store, Trust(name="ada"), moment)
    (ring.folder / "ada.pem").rename(ring.folder / "grace.pem")
    with pytest.raises(NotTrusted, match="key of `grace` on this machine belongs to `ada`"):
        introduce(ring, store, Trust(name="grace"), moment)


def test_a_wrong_wish_is_refused_before_there_is_a_key(ring: KeyRing, store: PeopleStore, moment: datetime) -> None:
    wishes = [
        Trust(name="Ada"),
        Trust(name="ada", email="nowhere"),
        Trust(name="gates", service=True, roles=(Role.APPROVER,)),
    ]
    for wish in wishes:
        with pytest.raises(WrongUse):
            introduce(ring, store, wish, moment)
    assert not ring.folder.exists()
    assert not store.path.exists()


def test_a_people_file_that_is_wrong_stops_before_there_is_a_key(
    ring: KeyRing, store: PeopleStore, moment: datetime
) -> None:
    store.path.parent.mkdir()
    store.path.write_text("[[person]]\nnme = 'ada'\n")
    with pytest.raises(WrongUse, match=r"people\.toml:2: `nme`"):
        introduce(ring, store, Trust(name="ada"), moment)
    assert not ring.folder.exists()


def test_killed_at_any_moment_there_is_no_half_key_and_the_next_time_ends_well(tmp_path: Path) -> None:
    script = Path(__file__).with_name("kill_at_each_step.py")
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    for found in report:
        assert found["before"] in ([], [found["after"]]), found
        assert found["again"] == found["after"], found
        assert found["left"] == [".lock", "ada.pem"], found
    assert {"mkdir", "open", "fchmod", "write", "flush", "fsync", "link", "unlink", "replace"} == {
        found["place"] for found in report
    }
    assert {len(found["before"]) for found in report} == {0, 1}
