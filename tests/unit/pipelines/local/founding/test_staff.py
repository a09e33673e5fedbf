"""Who acts: found among those that are there, else made; nobody is made twice and nothing is taken from anybody."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from slipway.pipelines.local.founding.staff import PERSON, ROOTS, SERVICES, find_staff, hire, hire_roots
from slipway.platform.errors import WrongUse
from slipway.platform.identity import People, Role, load_people
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.identity.people_changes import Trust, revocation, revoking, trusting
from slipway.platform.identity.people_store import PeopleStore
from slipway.platform.settings import schema


@pytest.fixture
def identity(tmp_path: Path) -> schema.Identity:
    return schema.Identity(keys=tmp_path / "keys", people=tmp_path / "people.toml")


def hired(identity: schema.Identity, user: str = "ada") -> list[str]:
    """What was told."""
    told: list[str] = []
    hire(identity, user, told.append)
    return told


def trust(identity: schema.Identity, name: str, *roles: Role, service: bool = False) -> None:
    """Somebody who was there before."""
    ring = KeyRing(identity.keys)
    ring.make(name)
    wanted = Trust(name=name, key=ring.load(name).public_key, roles=roles, service=service)
    PeopleStore(identity.people).update(lambda people: trusting(people, wanted, datetime.now(UTC)))


def test_a_person_and_the_services_get_keys_and_roles_once(identity: schema.Identity) -> None:
    first = hired(identity)
    people, keys = load_people(identity.people), KeyRing(identity.keys).names()
    assert set(keys) == {"ada", *SERVICES}
    assert people.person("ada").roles == PERSON
    assert {one.name: one.roles for one in people.persons if one.service} == dict(SERVICES)
    assert len(first) == len(keys)
    assert first[0].startswith("`ada` has a new key and is trusted as approver")
    assert hired(identity) == []
    assert load_people(identity.people) == people


@pytest.mark.parametrize(
    ("user", "name"), [("ada", "ada"), ("root", "you"), ("", "you"), ("Ada", "ada"), ("a b", "you"), ("flows", "you")]
)
def test_somebody_new_is_called_as_the_user_is_where_that_is_a_name_of_a_person(
    identity: schema.Identity, user: str, name: str
) -> None:
    assert find_staff(identity, People(), user).person == name


def test_the_only_personal_key_is_the_person_whoever_is_logged_in(identity: schema.Identity) -> None:
    KeyRing(identity.keys).make("ben")
    hired(identity)
    hire_roots(identity, lambda _: None)
    assert find_staff(identity, load_people(identity.people), "ada").person == "ben"
    assert "ada" not in KeyRing(identity.keys).names()


def test_of_several_people_here_the_settings_say_who_it_is_or_the_user_does(identity: schema.Identity) -> None:
    for name in ("ben", "cleo"):
        trust(identity, name, Role.TRAINER)
    people = load_people(identity.people)
    with pytest.raises(WrongUse, match="several people") as caught:
        find_staff(identity, people, "ada")
    assert "SLIPWAY_IDENTITY__PERSON=ben" in str(caught.value.mend)
    assert find_staff(identity, people, "cleo").person == "cleo"
    named = identity.model_copy(update={"person": "ben"})
    assert find_staff(named, people, "ada").person == "ben"


def test_keys_of_other_projects_are_nobody_here(identity: schema.Identity) -> None:
    trust(identity, "ben", Role.TRAINER)
    for name in ("cleo", "dora"):
        KeyRing(identity.keys).make(name)
    assert find_staff(identity, load_people(identity.people), "ada").person == "ben"


def test_a_service_that_is_there_does_the_work_and_none_is_made_for_it(identity: schema.Identity) -> None:
    trust(identity, "rollouts", Role.ROLLOUT_SERVICE, service=True)
    hired(identity)
    staff = find_staff(identity, load_people(identity.people), "ada")
    assert staff.services["rollout"] == "rollouts"
    assert "rollout" not in KeyRing(identity.keys).names()


def test_a_role_that_was_taken_away_does_not_come_back(identity: schema.Identity) -> None:
    hired(identity)
    text = identity.people.read_text()
    until = datetime.now(UTC).isoformat()
    changed = text.replace(
        'roles = ["approver", "releaser", "operator", "on-call"]',
        f'roles = ["releaser", "operator", "on-call"]\nformer = [{{ role = "approver", until = {until} }}]',
    )
    assert changed != text
    identity.people.write_text(changed)
    assert hired(identity) == []
    assert Role.APPROVER not in load_people(identity.people).person("ada").roles


def test_a_name_of_a_service_that_a_person_has_is_refused(identity: schema.Identity) -> None:
    trust(identity, "guard", Role.TRAINER)
    with pytest.raises(WrongUse, match="a person called `guard`"):
        hired(identity)


def test_holders_of_the_root_say_that_they_are_a_laptops(identity: schema.Identity) -> None:
    assert hire_roots(identity, lambda _: None) == ROOTS
    people = load_people(identity.people)
    held = [one for one in people.persons if Role.CHANNEL_ROOT in one.roles]
    assert [one.name for one in held] == list(ROOTS)
    assert all("laptop" in (one.full_name or "") for one in held)
    told: list[str] = []
    hire_roots(identity, told.append)
    assert told == []


def test_a_key_that_was_revoked_is_never_trusted_again(identity: schema.Identity) -> None:
    hired(identity)
    key = load_people(identity.people).person("guard").keys[0]
    lost = revocation(None, "lost", datetime.now(UTC))
    PeopleStore(identity.people).update(lambda people: revoking(people, key.keyid, lost))
    with pytest.raises(WrongUse, match="was revoked"):
        hired(identity)
