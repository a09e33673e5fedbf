"""A channel is begun by somebody and signed by several, each at a machine of their own."""

import json
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.identity import People, Person, Role, TrustedKey
from slipway.platform.settings.schema import Expiries
from slipway.serving.channel.transport import NotThere
from slipway.serving.release.inspecting import drafts_in, state_of
from slipway.serving.release.roles import HOLDERS
from slipway.serving.release.tuf_making import make_root
from slipway.serving.release.tuf_rotating import keys_for


def test_each_signs_what_is_theirs_and_devices_see_it_once_all_have(unfounded: Any, tmp_path: Path) -> None:
    begun = unfounded.at("ada", "init")
    assert (begun.code, "is begun" in begun.out) == (0, True)
    assert "wait for 1 of ben, cleo" in begun.out
    assert unfounded.at("ada", "status").code == 1
    unfounded.well("ben", "sign")
    assert "`models` 1 is signed by dora" in unfounded.well("dora", "sign")
    assert unfounded.at("dora", "status").code == 1
    unfounded.well("rollouts", "sign")
    told = json.loads(unfounded.well("cleo", "status", "--json"))
    assert (told["whole"], told["waits"]) == (True, [])
    assert {one["role"]: one["version"] for one in told["roles"]} == dict.fromkeys(HOLDERS, 1)
    assert {tuple(one["signed_by"]) for one in told["roles"]} == {("ada", "ben"), ("dora",), ("rollouts",)}
    unfounded.well("cleo", "verify")
    with pytest.raises(NotThere, match="lists no channels/small-bays"):  # all of it is believed, and nothing said yet
        unfounded.office.client(tmp_path / "trust").look("small-bays", now=unfounded.office.time.now())


def test_whoever_has_all_keys_founds_it_alone_and_a_second_time_changes_nothing(unfounded: Any) -> None:
    assert "is whole" in unfounded.well("everybody", "init")
    before = {path: path.read_bytes() for path in unfounded.office.folder.rglob("*.json")}
    again = unfounded.well("everybody", "init")
    assert "There is a channel" in again
    assert {path: path.read_bytes() for path in unfounded.office.folder.rglob("*.json")} == before
    address = "https://channel.example.org"
    told = unfounded.well("cleo", "status", SLIPWAY_CHANNEL__PUBLIC_URL=address)
    assert address in told


def test_a_dry_run_says_who_would_hold_what_and_writes_nothing(unfounded: Any) -> None:
    told = unfounded.well("ada", "init", "--dry-run")
    assert "`root`: ada, ben, cleo; 2 of them sign" in told
    assert "`timestamp`: rollouts" in told
    told = json.loads(unfounded.well("ada", "init", "--dry-run", "--json"))
    assert told["was_there"] is False
    assert not unfounded.office.folder.exists()


def test_what_is_signed_is_said_before_and_a_dry_run_signs_nothing(unfounded: Any) -> None:
    unfounded.well("ada", "init")
    looked = unfounded.at("ben", "sign", "--dry-run")
    assert "`root` is held by ada (key " in looked.err
    assert "2 of them sign" in looked.err
    assert "Nothing was signed." in looked.err
    assert not (unfounded.office.folder / "metadata").exists()


def test_a_role_is_given_to_somebody_else_by_name(unfounded: Any) -> None:
    refused = unfounded.at("ada", "init", "--holder", "timestamp=dora")
    assert (refused.code, "`dora` is no rollout-service" in refused.err) == (2, True)
    refused = unfounded.at("ada", "init", "--holder", "timestmap=dora")
    assert "Did you mean `timestamp`?" in refused.err
    refused = unfounded.at("ada", "init", "--holder", "timestamp")
    assert "is no ROLE=NAME" in refused.err
    assert "`root`: ada, cleo; 2 of them sign" in unfounded.well(
        "ada", "init", "--dry-run", "--holder", "root=ada", "--holder", "root=cleo"
    )


def test_a_protected_context_wants_three_root_holders(unfounded: Any) -> None:
    people = unfounded.office.people()
    unfounded.office.write_people(People(tuple(one for one in people.persons if one.name != "cleo")))
    refused = unfounded.at("ada", "init", "--yes", SLIPWAY_PROTECTED="true")
    assert (refused.code, "Expected 3 holders of channel-root" in refused.err) == (2, True)
    asked = unfounded.at("ada", "init", SLIPWAY_PROTECTED="true")
    assert "is protected" in asked.err


def test_nobody_signs_for_a_key_that_the_people_file_does_not_know(machines: Any) -> None:
    """Whoever can write to the store can put a draft there."""
    office, repository = machines.office, machines.office.repository()
    office.ring.make("mallory")
    stranger = Person(
        name="mallory",
        roles=(Role.CHANNEL_ROOT,),
        key=(TrustedKey.of(office.ring.load("mallory").public_key, office.time.now()),),
    )
    keys = keys_for(People((stranger,)), "root", ["mallory"], protected=False)
    root = repository.metadata("root").signed
    repository.bench.drafts.propose("root", make_root(root, {"root": keys}, office.time.now(), Expiries()))
    for command in (["sign"], ["sign", "--dry-run"]):
        done = machines.at("ada", *command)
        assert "NOT TO BE SIGNED" in done.err
        assert "nobody known" in done.err
    assert machines.at("ada", "sign").code == 1
    (draft,) = drafts_in(repository, state_of(repository))
    assert draft.document.metadata.signatures == {}
    assert "is forgotten" in machines.well("ada", "sign", "--discard")
    assert "Nothing was signed" in machines.at("ada", "sign").err


def test_renewing_and_rotating_sign_no_draft_that_lies_there(machines: Any) -> None:
    office, repository = machines.office, machines.office.repository()
    office.new_key("rollouts")
    keys = keys_for(office.people(), "timestamp", ["rollouts"], protected=False)
    root = repository.metadata("root").signed
    repository.bench.drafts.propose("root", make_root(root, {"timestamp": keys}, office.time.now(), Expiries()))
    machines.at("ada", "keepalive", "--now")
    office.new_key("dora")
    refused = machines.at("ada", "rotate-key", "models")
    assert (refused.code, "`root` 2 waits for signatures, and is not part of this" in refused.err) == (1, True)
    (draft,) = drafts_in(repository, state_of(repository))
    assert draft.document.metadata.signatures == {}
