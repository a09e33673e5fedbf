"""`slipway identity` as people meet it: a process with a home of its own."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from slipway.platform.identity import Person, Role, load_people, sign, signer_for, verify
from slipway.platform.identity.introduction import introduce
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.identity.keys import block_of
from slipway.platform.identity.people_changes import Trust, trusting
from slipway.platform.identity.people_store import PeopleStore
from slipway.platform.settings.schema import Identity

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(home: Path) -> Path:
    """The folder in which commands run."""
    return home / "project"


@pytest.fixture
def people(project: Path) -> Path:
    """Where people are written without any settings."""
    return project / ".slipway" / "people.toml"


@pytest.fixture
def keys(home: Path) -> Path:
    """Where keys lie without any settings."""
    return home / ".config" / "slipway" / "keys"


@pytest.fixture
def ada(keys: Path, people: Path, moment: datetime) -> Person:
    """Somebody who has introduced herself as the first one."""
    introduce(KeyRing(keys), PeopleStore(people), Trust(name="ada", roles=(Role.TRAINER,)), moment)
    return load_people(people).person("ada")


def test_the_first_init_makes_a_key_and_an_entry_and_prints_the_block(slipway: Run, keys: Path, people: Path) -> None:
    done = slipway("init", "ada", "--full-name", "Ada")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert done.stdout.endswith("-----END PUBLIC KEY-----\n")
    assert stat.S_IMODE((keys / "ada.pem").stat().st_mode) == 0o600
    assert "`ada` is the first one trusted" in done.stderr
    signer = signer_for(Identity(keys=keys, people=people), load_people(people))
    assert verify(load_people(people), sign(signer, b"", "kind"), "kind", role=Role.TRAINER).person.full_name == "Ada"


def test_a_second_init_says_so_and_changes_nothing(slipway: Run, keys: Path, people: Path) -> None:
    first = slipway("init", "ada")
    before = (keys / "ada.pem").read_bytes(), people.read_bytes()
    again = slipway("init", "ada")
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert "There is a key of `ada`" in again.stderr
    assert ((keys / "ada.pem").read_bytes(), people.read_bytes()) == before


def test_many_inits_at_once_make_one_key(environment: dict[str, str], project: Path, keys: Path, people: Path) -> None:
    command = [str(Path(sys.executable).with_name("slipway")), "identity", "init", "ada"]
    children = [
        subprocess.Popen(
            command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    outputs = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0, 0, 0], outputs
    assert len({block for block, _ in outputs}) == 1
    assert sum("Made a key" in told for _, told in outputs) == 1
    assert sorted(entry.name for entry in keys.iterdir()) == [".lock", "ada.pem"]
    assert len(load_people(people).person("ada").keys) == 1


@pytest.mark.usefixtures("ada")
def test_a_colleague_hands_over_the_key_and_is_trusted(slipway: Run, people: Path, tmp_path: Path) -> None:
    handed = slipway("init", "grace", "--role", "approver", HOME=str(tmp_path / "grace"))
    assert "slipway identity trust grace --key FILE --role approver" in handed.stderr
    dry = slipway("trust", "grace", "--key", "-", "--role", "approver", "--dry-run", given=handed.stdout)
    assert '+name = "grace"' in dry.stdout
    assert load_people(people).get("grace") is None
    done = slipway("trust", "grace", "--key", "-", "--role", "approver", given=handed.stdout)
    assert done.returncode == 0, done.stderr
    assert load_people(people).person("grace").roles == (Role.APPROVER,)
    again = slipway("trust", "grace", "--key", "-", "--role", "approver", given=handed.stdout)
    assert (again.returncode, "Nothing to do" in again.stderr) == (0, True)


@pytest.mark.usefixtures("ada")
def test_a_private_key_is_not_taken_for_a_public_one(slipway: Run, keys: Path, people: Path) -> None:
    before = people.read_bytes()
    done = slipway("trust", "grace", "--key", str(keys / "ada.pem"))
    assert done.returncode == 2
    assert "private key, which must never be handed over" in done.stderr
    assert people.read_bytes() == before


def test_what_is_no_key_is_refused_without_a_traceback(slipway: Run) -> None:
    done = slipway("trust", "grace", "--key", "-", given="not a key")
    assert done.returncode == 2
    assert "holds no public key that can be used" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("ada")
def test_show_lists_everyone_and_marks_who_acts(slipway: Run, people: Path, moment: datetime) -> None:
    grace = Trust(name="grace", key=CryptoSigner.generate_ed25519().public_key, roles=(Role.APPROVER,))
    PeopleStore(people).update(lambda found: trusting(found, grace, moment))
    lines = slipway("show").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["*", "ada"], ["grace", "person"]]
    one = slipway("show", "grace").stdout
    assert "approves or rejects a version" in one


def test_show_gives_data_to_scripts(slipway: Run, ada: Person, people: Path) -> None:
    everyone = json.loads(slipway("show", "--json").stdout)
    assert (everyone["file"], everyone["acting"]) == (str(people), "ada")
    (shown,) = everyone["people"]
    assert (shown["acting"], shown["email"], shown["roles"]) == (True, None, ["trainer"])
    assert shown["keys"][0]["block"] == block_of(ada.keys[0].public_key())
    assert json.loads(slipway("show", "ada", "--json").stdout) == shown


def test_show_without_people_says_how_to_begin(slipway: Run) -> None:
    done = slipway("show")
    assert done.returncode == 0
    assert "slipway identity init NAME" in done.stderr
    assert json.loads(slipway("show", "--json").stdout)["people"] == []


def test_a_revoked_key_is_shown_as_such_with_the_reason(slipway: Run, ada: Person) -> None:
    keyid = ada.keys[0].keyid
    done = slipway("revoke", keyid[:8], "--reason", "laptop stolen", "--entry", "57")
    assert done.returncode == 0, done.stderr
    assert "laptop stolen" in slipway("show", "ada").stdout
    assert json.loads(slipway("show", "ada", "--json").stdout)["keys"][0]["revoked"]["entry"] == 57


@pytest.mark.usefixtures("ada")
def test_a_typing_slip_is_answered_with_the_nearest_name(slipway: Run) -> None:
    done = slipway("trust", "ada", "--role", "aprover")
    assert done.returncode == 2
    assert "Did you mean `approver`?" in done.stderr


@pytest.mark.usefixtures("ada")
def test_a_wrong_people_file_is_told_with_its_line(slipway: Run, people: Path) -> None:
    people.write_text(people.read_text().replace('"trainer"', '"trainr"'))
    done = slipway("show")
    line = people.read_text().splitlines().index('roles = ["trainr"]') + 1
    assert done.returncode == 2
    assert f"people.toml:{line}: `roles` of `ada` has 'trainr'" in done.stderr
    assert "Did you mean `trainer`?" in done.stderr


@pytest.mark.usefixtures("ada")
def test_loose_permissions_are_told_with_the_command_that_mends_them(slipway: Run, keys: Path) -> None:
    (keys / "ada.pem").chmod(0o644)
    done = slipway("init", "ada")
    assert done.returncode == 1
    assert f"chmod 600 {keys / 'ada.pem'}" in done.stderr


def test_a_protected_context_wants_to_be_told_yes(slipway: Run, project: Path, people: Path, ada: Person) -> None:
    (project / "slipway.toml").write_text("[contexts.local]\nprotected = true\n")
    before = people.read_bytes()
    trusting_more = ("trust", "ada", "--role", "approver")
    for arguments in (trusting_more, ("revoke", ada.keys[0].keyid, "--reason", "lost")):
        refused = slipway(*arguments)
        assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert slipway(*trusting_more, "--dry-run").returncode == 0
    assert people.read_bytes() == before
    assert slipway(*trusting_more, "--yes").returncode == 0
    assert load_people(people).person("ada").roles == (Role.TRAINER, Role.APPROVER)


def test_the_first_entry_of_a_protected_context_wants_to_be_told_yes(
    slipway: Run, project: Path, keys: Path, people: Path
) -> None:
    (project / "slipway.toml").write_text("[contexts.local]\nprotected = true\n")
    assert slipway("init", "ada").returncode == 2
    assert not keys.exists()
    assert not people.exists()


def test_where_a_vault_signs_no_key_is_made_in_a_file(slipway: Run, keys: Path) -> None:
    done = slipway("init", "ada", SLIPWAY_IDENTITY__SIGNER="awskms:alias/ada")
    assert done.returncode == 2
    assert "--signer awskms:alias/ada" in done.stderr
    assert not keys.exists()


def test_keys_do_not_go_into_the_state_folder(slipway: Run, project: Path) -> None:
    done = slipway("init", "ada", SLIPWAY_IDENTITY__KEYS=str(project / ".slipway" / "keys"))
    assert done.returncode == 2
    assert "must not live under .slipway/" in done.stderr
    assert not (project / ".slipway" / "keys").exists()


def test_the_command_module_is_imported_without_its_libraries() -> None:
    heavy = ["securesystemslib", "cryptography", "tomlkit", "pydantic", "boto3", "slipway.platform.identity"]
    code = f"import sys, slipway.platform.cli.identity; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_revocation_without_an_entry_says_which_number_to_use(slipway: Run, project: Path, ada: Person) -> None:
    keyid = ada.keys[0].keyid[:8]
    ledger = project / ".slipway" / "store" / "ledger"
    ledger.mkdir(parents=True)
    for number in (1, 2, 3):
        (ledger / f"{number:012}.json").write_text("{}")
    told = slipway("revoke", keyid, "--reason", "laptop stolen").stderr
    assert f'`slipway identity revoke {keyid} --reason "…" --entry 3`' in told
    assert slipway("revoke", keyid, "--reason", "the same", "--entry", "3").returncode == 0
    revoked = json.loads(slipway("show", "ada", "--json").stdout)["keys"][0]["revoked"]
    assert (revoked["reason"], revoked["entry"]) == ("laptop stolen", 3)
    assert "ledger" not in slipway("revoke", keyid, "--reason", "again").stderr
