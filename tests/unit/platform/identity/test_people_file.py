"""A people file is read strictly: every slip is told with its line and the nearest right name."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from slipway.platform.errors import WrongUse
from slipway.platform.identity import Role, load_people, parse_people
from slipway.platform.identity.people_changes import Trust, trusting
from slipway.platform.identity.people_text import rewritten

SOURCE = "people.toml"


@pytest.fixture
def text(moment: datetime) -> str:
    """Two people with a key each: `ada` from line 3 on, `grace` from line 14 on."""
    people = parse_people(b"", SOURCE)
    for name, role in (("ada", Role.TRAINER), ("grace", Role.APPROVER)):
        key = CryptoSigner.generate_ed25519().public_key
        people = trusting(people, Trust(name=name, key=key, roles=(role,), email=f"{name}@example.org"), moment)
    return rewritten("", people)


@pytest.fixture
def refusal() -> Callable[[str], WrongUse]:
    """How a text is refused."""

    def read(text: str) -> WrongUse:
        with pytest.raises(WrongUse) as refused:
            parse_people(text.encode(), SOURCE)
        return refused.value

    return read


Refusal = Callable[[str], WrongUse]


def line_of(text: str, part: str) -> int:
    """The line on which this stands, counted from 1; the last of them."""
    return max(number for number, line in enumerate(text.splitlines(), start=1) if part in line)


def test_a_file_that_does_not_exist_has_nobody_in_it(tmp_path: Path) -> None:
    assert load_people(tmp_path / "people.toml").persons == ()


def test_people_are_found_by_name_and_by_key(text: str) -> None:
    people = parse_people(text.encode(), SOURCE)
    grace = people.person("grace")
    assert grace.roles == (Role.APPROVER,)
    assert people.holder(grace.keys[0].keyid) == (grace, grace.keys[0])
    assert people.holder("0" * 64) is None


def test_a_name_that_nobody_has_is_answered_with_the_nearest(text: str) -> None:
    with pytest.raises(WrongUse, match="nobody called `grce`") as refused:
        parse_people(text.encode(), SOURCE).person("grce")
    assert refused.value.mend == "Did you mean `grace`?"


def test_an_unknown_role_is_told_with_line_owner_and_nearest_role(text: str, refusal: Refusal) -> None:
    wrong = text.replace('"approver"', '"aprover"')
    refused = refusal(wrong)
    assert str(refused).startswith(f"{SOURCE}:{line_of(wrong, 'aprover')}: ")
    assert "`roles` of `grace` has 'aprover', which is no role." in str(refused)
    assert refused.mend == "Did you mean `approver`?"


def test_an_unknown_field_is_told_with_line_and_nearest_field(text: str, refusal: Refusal) -> None:
    wrong = text.replace('email = "grace', 'emial = "grace')
    refused = refusal(wrong)
    assert str(refused) == f"{SOURCE}:{line_of(wrong, 'emial')}: `emial` of `grace` is unknown."
    assert refused.mend == "Did you mean `email`?"


def test_an_unknown_table_is_told(refusal: Refusal) -> None:
    refused = refusal('\n[[persons]]\nname = "ada"\n')
    assert str(refused) == f"{SOURCE}:2: `persons` is unknown."
    assert refused.mend == "Did you mean `person`?"


def test_a_missing_field_points_to_its_table(text: str, refusal: Refusal) -> None:
    wrong = "\n".join(line for line in text.splitlines() if not line.startswith("scheme"))
    headers = [number for number, line in enumerate(wrong.splitlines(), start=1) if line == "[[person.key]]"]
    lines = str(refusal(wrong)).splitlines()
    assert lines == [
        f"{SOURCE}:{headers[0]}: `scheme` of `ada` is missing.",
        f"{SOURCE}:{headers[1]}: `scheme` of `grace` is missing.",
    ]


def test_a_keyid_that_is_not_the_keys_own_is_refused_with_the_right_one(text: str, refusal: Refusal) -> None:
    own = parse_people(text.encode(), SOURCE).person("grace").keys[0].keyid
    wrong = text.replace(own, "0" * 64)
    refused = str(refusal(wrong))
    assert refused.startswith(f"{SOURCE}:{line_of(wrong, 'keyid')}: `keyid` of `grace`")
    assert f"the public key's own keyid is {own}" in refused


@pytest.mark.parametrize("public", ["", "zz", "ab" * 31, "AB" * 32, " " + "ab" * 32])
def test_a_public_key_that_is_none_or_is_written_differently_is_refused(
    text: str, refusal: Refusal, public: str
) -> None:
    own = parse_people(text.encode(), SOURCE).person("grace").keys[0].public
    wrong = text.replace(own, public)
    assert str(refusal(wrong)).startswith(f"{SOURCE}:{line_of(wrong, 'public =')}: `public` of `grace`")


def test_a_kind_of_key_that_is_not_accepted_is_refused_with_those_that_are(text: str, refusal: Refusal) -> None:
    wrong = text.replace('scheme = "ed25519"', 'scheme = "rsassa-pss-sha256"')
    assert "ecdsa with ecdsa-sha2-nistp256" in str(refusal(wrong))


def test_two_entries_of_one_name_are_refused_at_the_second(text: str, refusal: Refusal) -> None:
    wrong = text.replace('name = "grace"', 'name = "ada"')
    assert str(refusal(wrong)) == (
        f"{SOURCE}:{line_of(wrong, 'name =')}: there are two entries for `ada`; a name belongs to one person."
    )


def test_one_key_under_two_names_is_refused_with_both(text: str, refusal: Refusal) -> None:
    ada, grace = (parse_people(text.encode(), SOURCE).person(name).keys[0] for name in ("ada", "grace"))
    wrong = text.replace(grace.keyid, ada.keyid).replace(grace.public, ada.public)
    refused = str(refusal(wrong))
    assert refused.startswith(f"{SOURCE}:{line_of(wrong, 'keyid')}: ")
    assert "of `grace` already belongs to `ada`" in refused


def test_a_service_cannot_hold_a_role_of_judgement(text: str, refusal: Refusal) -> None:
    wrong = text.replace('roles = ["approver"]', 'service = true\nroles = ["approver"]')
    assert str(refusal(wrong)) == (
        f"{SOURCE}:{line_of(wrong, 'approver')}: `grace` is a service; only a person can be approver."
    )


def test_a_person_does_not_write_down_what_colleagues_said(text: str, refusal: Refusal) -> None:
    wrong = text.replace('roles = ["approver"]', 'roles = ["flow-service"]')
    assert str(refusal(wrong)) == (
        f"{SOURCE}:{line_of(wrong, 'flow-service')}: `grace` is a person; only a service can be flow-service."
    )


@pytest.mark.parametrize(
    "name", ["Ada", "ada lovelace", "../ada", "ada/..", ".ada", "ada.", "-ada", "", "a" * 64, "ada\\n"]
)
def test_a_name_that_could_be_read_as_something_else_is_refused(text: str, refusal: Refusal, name: str) -> None:
    assert "A name is lower-case letters" in str(refusal(text.replace('name = "ada"', f'name = "{name}"')))


@pytest.mark.parametrize("since", ["2026-01-31", "2026-01-31T09:00:00", '"2026-01-31T09:00:00Z"', "1"])
def test_a_time_that_leaves_room_for_doubt_is_refused(text: str, refusal: Refusal, since: str) -> None:
    wrong = text.replace("since = 2026-01-31T09:00:00Z", f"since = {since}")
    assert "`since` of `ada`" in str(refusal(wrong))


def test_a_word_is_no_yes(text: str, refusal: Refusal) -> None:
    assert "`service` of `ada`" in str(refusal(text.replace('name = "ada"', 'name = "ada"\nservice = "yes"')))


def test_everything_that_is_wrong_is_told_at_once(text: str, refusal: Refusal) -> None:
    wrong = text.replace('"approver"', '"aprover"').replace('"trainer"', '"trainr"')
    assert len(str(refusal(wrong)).splitlines()) == 2


def test_what_is_no_toml_is_told_with_its_line(text: str, refusal: Refusal) -> None:
    wrong = text.replace('name = "grace"', "name = grace")
    assert f"line {line_of(wrong, 'name = grace')}" in str(refusal(wrong))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(WrongUse, match="is not TOML"):
        parse_people(b"\xff\xfe", SOURCE)


def test_people_written_in_one_line_are_read_too() -> None:
    assert parse_people(b'person = [{name = "ada", roles = ["trainer"]}]', SOURCE).person("ada").roles == (
        Role.TRAINER,
    )


def test_a_role_that_was_taken_away_was_held_until_then(text: str, moment: datetime) -> None:
    until = moment + timedelta(days=30)
    former = f'former = [{{ role = "approver", until = {until.isoformat()} }}]'
    people = parse_people(text.replace('roles = ["approver"]', f"roles = []\n{former}").encode(), SOURCE)
    grace = people.person("grace")
    assert (grace.held(Role.APPROVER, moment), grace.held(Role.APPROVER, until)) == (True, False)
    assert not grace.held(Role.RELEASER, moment)
    again = trusting(people, Trust(name="grace", roles=(Role.TRAINER,)), moment)
    assert former in rewritten(text.replace('roles = ["approver"]', f"roles = []\n{former}"), again)
    assert again.person("grace").held(Role.APPROVER, moment)


def test_a_slip_in_a_former_role_is_told_with_its_line(text: str, refusal: Refusal) -> None:
    wrong = text.replace('roles = ["approver"]', 'former = [{ role = "aprover", until = 2026-06-30T12:00:00Z }]')
    error = refusal(wrong)
    assert str(error).startswith(f"people.toml:{line_of(wrong, 'aprover')}: `role` of `grace`")
    assert error.mend == "Did you mean `approver`?"
    assert "`till` of `grace` is unknown" in str(refusal(wrong.replace("until", "till")))
