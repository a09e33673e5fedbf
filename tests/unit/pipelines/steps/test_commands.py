"""Commands of slipway as children: what they print is heard, and their refusals are told in their words."""

import os
from pathlib import Path

import pytest

from slipway.pipelines.steps.commands import Answer, CommandFailed, ask_slipway


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "slipway.toml").touch()
    return tmp_path


def test_what_is_printed_is_data_and_what_is_said_is_heard_while_it_is_said(root: Path) -> None:
    heard: list[str] = []
    answer = ask_slipway(["context", "list", "--json"], root, os.environ, heard.append)
    assert answer.code == 0
    assert [one["name"] for one in answer.data] == ["local"]
    assert heard == list(answer.remarks)


def test_a_refusal_is_told_once_with_what_to_do_and_its_code(root: Path) -> None:
    heard: list[str] = []
    with pytest.raises(CommandFailed, match="no model `vehicle-read`") as refused:
        ask_slipway(["submit", "vehicle-read", "--on", "local", "--json"], root, os.environ, heard.append)
    assert (refused.value.code, refused.value.exit_code) == (2, 2)
    assert "vehicle-reid" in (refused.value.mend or "")
    assert heard == []


def test_the_last_message_counts_with_all_that_it_says() -> None:
    remarks = ("price: free", "slipway: It broke.", "In two ways.", "  Mend one.", "  Then the other.")
    failed = Answer("submit", None, 1, remarks).failed()
    assert str(failed) == "It broke.\nIn two ways."
    assert failed.mend == "Mend one.\nThen the other."
    assert str(Answer("submit", None, 9).failed()) == "`slipway submit` ended with code 9."
