"""`slipway ledger`, as a person and a script use it."""

import io
import json
import subprocess
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from decided import World, comment
from slipway.platform.cli.main import main
from slipway.platform.identity.people_text import rewritten
from slipway.platform.ledger.entry import Action, Decision, entry_key

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ledger(world: World, project: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, in this process, where three entries stand: a comment, an approval, a promotion."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("SLIPWAY_STORE__URL", world.store.url)
    people = project / ".slipway" / "people.toml"
    people.parent.mkdir()
    people.write_text(rewritten("", world.people))
    subjects = {"version": "3", "bundle": "ab" * 32}
    world.write(comment("1", reason="looks\nfine \x1b[31m at night"))
    world.write(Decision(action=Action.APPROVE, model="vehicle-reid", actor="ada", nonce="2", subjects=subjects))
    world.write(Decision(action=Action.PROMOTE, model="bay-occupancy", actor="ben", nonce="3", subjects=subjects))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["ledger", *arguments])
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    return run


def told(done: subprocess.CompletedProcess[str], status: int = 0) -> Any:
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


def test_the_newest_decisions_come_first(ledger: Run) -> None:
    done = ledger("list")
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["NUMBER", "AT", "(UTC)", "ACTION", "MODEL", "ABOUT", "BY", "REASON"]
    assert [row.split()[0] for row in rows] == ["3", "2", "1"]
    assert rows[0].split()[1:] == ["2026-03-02", "09:00", "promote", "bay-occupancy", "version", "3", "ben"]
    assert rows[2].endswith("looks fine [31m at night")


def test_decisions_are_chosen_by_model_action_and_date(ledger: Run) -> None:
    def numbers(*options: str) -> list[int]:
        return [one["number"] for one in told(ledger("list", "--json", *options))]

    assert numbers("--model", "vehicle-reid", "--since", "2026-03-02") == [2, 1]
    assert numbers("--action", "approve") == [2]
    assert numbers("--since", "2026-03-03") == []
    limited = ledger("list", "--limit", "1", "--json")
    assert [one["number"] for one in told(limited)] == [3]
    assert "the newest 1 of 3" in limited.stderr


def test_a_slip_is_answered_with_what_would_have_been_right(ledger: Run) -> None:
    wrong = ledger("list", "--action", "aprove")
    assert (wrong.returncode, "Did you mean `approve`?" in wrong.stderr) == (2, True)
    wrong = ledger("list", "--since", "yesterday")
    assert (wrong.returncode, "Write it like 2026-01-31" in wrong.stderr) == (2, True)
    wrong = ledger("show", "12")
    assert (wrong.returncode, "numbered up to 3" in wrong.stderr) == (2, True)
    wrong = ledger("verify", "--head", "3")
    assert (wrong.returncode, "the number, a colon and the 64 digits" in wrong.stderr) == (2, True)
    wrong = ledger("verify", "nowhere.jsonl")
    assert (wrong.returncode, "`slipway ledger export` writes one" in wrong.stderr) == (2, True)


def test_an_entry_is_shown_by_number_and_by_the_beginning_of_its_decisions_id(ledger: Run) -> None:
    one = told(ledger("show", "2", "--json"))
    assert (one["number"], one["signer"], one["decision"]["action"]) == (2, "ada", "approve")
    shown = ledger("show", one["decision"]["id"][:8]).stdout
    assert shown == ledger("show", "2").stdout
    assert f"decision  {one['decision']['id']}" in shown
    assert "at        2026-03-02 09:00:01 UTC" in shown


def test_verification_gives_a_head_to_note_and_takes_one(ledger: Run, world: World) -> None:
    done = ledger("verify")
    assert (done.returncode, done.stderr) == (0, "3 entries: all there, in their order, signed by who might.\n")
    head = done.stdout.split()[1]
    assert ledger("verify", "--head", head).returncode == 0
    root = Path(world.store.url)
    (root / entry_key(3)).unlink()
    (root / "ledger-head.json").unlink()
    assert ledger("verify").returncode == 0  # a list without its end is a shorter list
    cut = ledger("verify", "--head", head)
    assert (cut.returncode, cut.stdout) == (
        1,
        "entry 3: it is missing: you noted entry 3, and the list ends with 2\n",
    )


def test_a_changed_entry_is_named_by_all_commands(ledger: Run, world: World) -> None:
    path = Path(world.store.url) / entry_key(2)
    path.write_bytes(path.read_bytes().replace(b'"sig":"', b'"sig":"00', 1))
    done = ledger("verify")
    assert done.returncode == 1
    assert done.stdout.startswith("entry 2: ")
    assert [one["number"] for one in told(ledger("verify", "--json"), 1)["problems"]] == [2]
    listed = ledger("list")
    assert (listed.returncode, listed.stdout) == (1, "")
    assert "Entry 2 of the ledger in" in listed.stderr


def test_an_export_is_verified_where_there_is_no_store(ledger: Run, slipway: Run, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir()
    assert ledger("export", str(away), "--dry-run").returncode == 0
    assert list(away.iterdir()) == []
    done = ledger("export", str(away))
    assert done.returncode == 0, done.stderr
    file = away / "ledger.jsonl"
    alone = slipway("ledger", "verify", "ledger.jsonl", cwd=away)
    assert (alone.returncode, alone.stdout) == (0, done.stdout)
    assert list(away.iterdir()) == [file]

    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    alone = slipway("ledger", "verify", str(away), cwd=away)
    assert alone.returncode == 1
    assert "entry 2: it is missing\n" in alone.stdout


def test_an_export_is_held_against_people_and_a_head_from_elsewhere(ledger: Run, world: World, project: Path) -> None:
    assert ledger("export", "kept.jsonl").returncode == 0
    nobody = project / "others.toml"
    nobody.write_text("")
    done = ledger("verify", "kept.jsonl", "--people", "others.toml")
    assert done.returncode == 1
    assert done.stdout.count("knows nobody with the key") == 3
    assert ledger("verify", "kept.jsonl", "--people", "none.toml").returncode == 2
    head = f"4:{'0' * 64}"
    done = ledger("verify", "kept.jsonl", "--head", head)
    assert (done.returncode, "you noted entry 4" in done.stdout) == (1, True)
    assert world.ledger.verify().problems == ()


def test_a_void_entry_is_told_until_somebody_says_that_it_is_known(ledger: Run, world: World) -> None:
    from slipway.platform.identity import Revocation

    written = list(world.ledger.entries())[2]
    key = world.signers["ben"].key.model_copy(
        update={"revoked": Revocation(at=written.entry.at, reason="laptop stolen")}
    )
    world.change("ben", keys=(key,))
    people = world.folder / "project" / ".slipway" / "people.toml"
    people.write_text(rewritten("", world.people))
    done = ledger("verify")
    assert (done.returncode, "entry 3: it is from" in done.stdout) == (1, True)
    assert ledger("verify", "--known", "3").returncode == 0
    assert [one["number"] for one in told(ledger("list", "--json"))] == [2, 1]
