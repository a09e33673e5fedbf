"""Roles say what they are for, in the code and in the documentation."""

from pathlib import Path

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.identity import Role
from slipway.platform.identity.roles import role_named

HOW_TO = Path(__file__).parents[4] / "docs" / "how-to" / "identity.md"


def test_the_documentation_lists_every_role_with_its_meaning() -> None:
    listed = [line for line in HOW_TO.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert [f"| `{role}` | {role.meaning} |" for role in Role] == [
        line for line in listed if line.split("`")[1] in set(Role)
    ]


def test_a_name_that_is_no_role_is_answered_with_the_nearest_or_with_all() -> None:
    assert role_named("on-call") is Role.ON_CALL
    with pytest.raises(WrongUse) as refused:
        role_named("on_call")
    assert refused.value.mend == "Did you mean `on-call`?"
    with pytest.raises(WrongUse) as refused:
        role_named("zzz")
    assert all(role in (refused.value.mend or "") for role in Role)
