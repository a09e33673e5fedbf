"""Trusting and revoking change what they must in the file, and leave every other character alone."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner

from slipway.platform.errors import WrongUse
from slipway.platform.identity import People, Role, parse_people
from slipway.platform.identity.people_changes import Trust, named_key, revocation, revoking, trusting
from slipway.platform.identity.people_text import rewritten

SOURCE = "people.toml"

KEYS = [CryptoSigner.generate_ed25519().public_key for _ in range(4)]

WRITTEN_BY_HAND = """\
# Reviewed by the platform team.

[[person]]   # the first one
roles = [
    "trainer",   # since spring
]
name = 'ada'

# A service; its key lies in a vault.
[[person]]
name = "gates"
service = true

# End.
"""


@pytest.fixture
def changed(moment: datetime) -> Callable[..., str]:
    """A text after someone is trusted in it."""

    def change(text: str, **wanted: object) -> str:
        people = parse_people(text.encode(), SOURCE)
        return rewritten(text, trusting(people, Trust(**wanted), moment))  # type: ignore[arg-type]

    return change


Changed = Callable[..., str]


def added_lines(before: str, after: str) -> list[str]:
    """The lines that were added, if none was changed or lost."""
    remaining = iter(before.splitlines())
    waiting = next(remaining, None)
    added = []
    for line in after.splitlines():
        if line == waiting:
            waiting = next(remaining, None)
        else:
            added.append(line)
    assert waiting is None, f"lost or changed: {waiting}"
    return added


def test_a_new_person_is_written_at_the_end(changed: Changed) -> None:
    after = changed(WRITTEN_BY_HAND, name="grace", key=KEYS[0], roles=(Role.APPROVER,), full_name="Grace")
    assert after.startswith(WRITTEN_BY_HAND)
    assert added_lines(WRITTEN_BY_HAND, after)[:5] == [
        "",
        "[[person]]",
        'name = "grace"',
        'full_name = "Grace"',
        'roles = ["approver"]',
    ]
    assert parse_people(after.encode(), SOURCE).person("grace").keys[0].public_key() == KEYS[0]


def test_a_role_is_added_where_the_roles_stand(changed: Changed) -> None:
    after = changed(WRITTEN_BY_HAND, name="ada", roles=(Role.TRAINER, Role.APPROVER))
    assert added_lines(WRITTEN_BY_HAND, after) == ['    "approver",']


def test_a_key_is_added_before_the_comment_on_the_next_entry(changed: Changed) -> None:
    after = changed(WRITTEN_BY_HAND, name="ada", key=KEYS[0])
    lines = after.splitlines()
    assert len(added_lines(WRITTEN_BY_HAND, after)) == 7
    assert lines.index("[[person.key]]") < lines.index("# A service; its key lies in a vault.")
    second = changed(after, name="ada", key=KEYS[1])
    assert len(added_lines(after, second)) == 7
    assert second.index(KEYS[1].keyid) < second.index("# A service")


def test_a_field_is_added_before_the_comment_on_the_next_entry(changed: Changed) -> None:
    after = changed(WRITTEN_BY_HAND, name="ada", email="ada@example.org")
    assert added_lines(WRITTEN_BY_HAND, after) == ['email = "ada@example.org"']
    assert after.index("email") < after.index("# A service")


def test_fields_are_added_before_the_keys(changed: Changed) -> None:
    with_key = changed(WRITTEN_BY_HAND, name="ada", key=KEYS[0])
    after = changed(with_key, name="ada", email="ada@example.org")
    assert added_lines(with_key, after) == ['email = "ada@example.org"']


def test_a_key_of_several_lines_is_written_so_that_it_can_be_read_back(changed: Changed) -> None:
    key = CryptoSigner(generate_private_key(SECP256R1())).public_key
    after = changed(WRITTEN_BY_HAND, name="gates", key=key, signer="awskms:alias/gates")
    (found,) = parse_people(after.encode(), SOURCE).person("gates").keys
    assert (found.public_key(), found.signer) == (key, "awskms:alias/gates")


def test_a_key_that_moves_into_a_vault_keeps_its_entry(changed: Changed) -> None:
    before = changed(WRITTEN_BY_HAND, name="ada", key=KEYS[0])
    after = changed(before, name="ada", key=KEYS[0], signer="hv:ada/1")
    assert added_lines(before, after) == ['signer = "hv:ada/1"']
    assert changed(after, name="ada", key=KEYS[0]) == after


def test_a_revocation_stands_with_its_key(changed: Changed, moment: datetime) -> None:
    before = changed(changed(WRITTEN_BY_HAND, name="ada", key=KEYS[0]), name="ada", key=KEYS[1])
    people = parse_people(before.encode(), SOURCE)
    lost = revocation("2026-02-01T10:00:00+01:00", "laptop stolen", moment + timedelta(days=9))
    after = rewritten(before, revoking(people, KEYS[1].keyid[:8], lost))
    assert after.index("revoked") < after.index("# A service")
    assert added_lines(before, after) == ['revoked = {at = 2026-02-01T09:00:00Z, reason = "laptop stolen"}']
    first, second = parse_people(after.encode(), SOURCE).person("ada").keys
    assert (first.trusted_now(), second.trusted_now()) == (True, False)


def test_a_revocation_may_name_the_newest_entry_of_the_ledger(changed: Changed, moment: datetime) -> None:
    before = changed(WRITTEN_BY_HAND, name="ada", key=KEYS[0])
    people = parse_people(before.encode(), SOURCE)
    after = rewritten(before, revoking(people, KEYS[0].keyid, revocation(None, "lost", moment, 57)))
    assert added_lines(before, after) == ['revoked = {at = 2026-01-31T09:00:00Z, reason = "lost", entry = 57}']
    with pytest.raises(WrongUse, match="greater than or equal to 0"):
        revocation(None, "lost", moment, -1)


def test_doing_it_again_changes_nothing(changed: Changed, moment: datetime) -> None:
    once = changed(WRITTEN_BY_HAND, name="ada", key=KEYS[0], roles=(Role.APPROVER,), full_name="Ada")
    assert changed(once, name="ada", key=KEYS[0], roles=(Role.APPROVER,), full_name="Ada") == once
    people = parse_people(once.encode(), SOURCE)
    lost = revocation(None, "lost", moment)
    revoked = revoking(people, KEYS[0].keyid, lost)
    assert revoking(revoked, KEYS[0].keyid, revocation(None, "again", moment)) == revoked


def test_a_revoked_key_does_not_come_back(changed: Changed, moment: datetime) -> None:
    people = parse_people(changed("", name="ada", key=KEYS[0]).encode(), SOURCE)
    revoked = revoking(people, KEYS[0].keyid, revocation(None, "lost", moment))
    with pytest.raises(WrongUse, match=r"was revoked \(lost\) and does not come back"):
        trusting(revoked, Trust(name="ada", key=KEYS[0]), moment)


def test_a_key_does_not_move_to_another_name(changed: Changed, moment: datetime) -> None:
    people = parse_people(changed(WRITTEN_BY_HAND, name="ada", key=KEYS[0]).encode(), SOURCE)
    for name in ("gates", "grace"):
        with pytest.raises(WrongUse, match="already belongs to `ada`"):
            trusting(people, Trust(name=name, key=KEYS[0]), moment)


def test_someone_new_needs_a_key(moment: datetime) -> None:
    people = parse_people(WRITTEN_BY_HAND.encode(), SOURCE)
    with pytest.raises(WrongUse, match="nobody called `gate`") as refused:
        trusting(people, Trust(name="gate", roles=(Role.GATE_SERVICE,)), moment)
    assert refused.value.mend == "Did you mean `gates`? Someone new is trusted with a key: --key FILE."


def test_a_service_is_not_given_a_role_of_judgement(moment: datetime) -> None:
    people = parse_people(WRITTEN_BY_HAND.encode(), SOURCE)
    with pytest.raises(WrongUse, match="`gates` is a service; only a person can be override"):
        trusting(people, Trust(name="gates", roles=(Role.OVERRIDE,)), moment)


def test_a_person_does_not_become_a_service(moment: datetime) -> None:
    people = parse_people(WRITTEN_BY_HAND.encode(), SOURCE)
    with pytest.raises(WrongUse, match="`ada` is a person"):
        trusting(people, Trust(name="ada", service=True), moment)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"name": "Ada"}, "`name` is 'Ada'. A name is"),
        ({"name": "grace", "email": "nowhere"}, "`email` is 'nowhere'"),
        ({"name": "grace", "full_name": "two\nlines"}, "`full_name` is"),
    ],
)
def test_a_wrong_wish_is_told_in_words(moment: datetime, wanted: dict[str, str], told: str) -> None:
    with pytest.raises(WrongUse, match=told):
        trusting(People(), Trust(key=KEYS[0], **wanted), moment)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "told"),
    [("yesterday", "no time"), ("2026-01-01T00:00:00", "timezone"), ("2099-01-01T00:00:00Z", "in the future")],
)
def test_a_time_of_loss_is_a_known_moment_in_the_past(moment: datetime, at: str, told: str) -> None:
    with pytest.raises(WrongUse, match=told):
        revocation(at, "lost", moment)


def test_too_few_digits_name_no_key(changed: Changed) -> None:
    people = parse_people(changed("", name="ada", key=KEYS[0]).encode(), SOURCE)
    assert named_key(people, KEYS[0].keyid[:8])[0].name == "ada"
    for digits in (KEYS[0].keyid[:7], "0" * 8, ""):
        with pytest.raises(WrongUse, match="first 8 digits or more"):
            named_key(people, digits)


def test_a_text_that_cannot_be_changed_safely_is_refused(changed: Changed) -> None:
    with pytest.raises(WrongUse, match=r"cannot be changed without rewriting it") as refused:
        changed('person = [{name = "ada"}]', name="grace", key=KEYS[0])
    assert "[[person]]" in (refused.value.mend or "")


def test_a_last_line_without_an_end_and_windows_line_ends_are_no_hindrance(changed: Changed) -> None:
    for text in ('[[person]]\nname = "ada"', WRITTEN_BY_HAND.replace("\n", "\r\n"), "# nobody yet"):
        after = changed(text, name="grace", key=KEYS[0])
        assert after.startswith(text)
        assert parse_people(after.encode(), SOURCE).person("grace").keys


WISHES = st.lists(
    st.builds(
        Trust,
        name=st.sampled_from(["ada", "grace", "gates"]),
        key=st.sampled_from([*KEYS, None]),
        signer=st.sampled_from([None, "hv:a/1", "hv:b/1"]),
        roles=st.lists(st.sampled_from([Role.TRAINER, Role.RELEASER, Role.GATE_SERVICE]), max_size=2).map(tuple),
        full_name=st.sampled_from([None, "A", 'quoted "B" \\', "Ünï = [1]", "# none"]),
    )
    | st.integers(0, 3),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(WISHES, st.sampled_from(["", WRITTEN_BY_HAND]))
def test_whatever_is_done_in_whatever_order_the_text_says_the_people(wishes: list[Trust | int], text: str) -> None:
    now = datetime.fromisoformat("2026-01-31T09:00:00Z")
    people = parse_people(text.encode(), SOURCE)
    for wish in wishes:
        try:
            if isinstance(wish, int):
                people = revoking(people, KEYS[wish].keyid, revocation(None, "lost", now, wish or None))
            else:
                people = trusting(people, wish, now)
        except WrongUse:
            continue
        text = rewritten(text, people)
        assert parse_people(text.encode(), SOURCE) == people
        assert rewritten(text, people) == text
