"""Other keys for each role, and what devices see meanwhile."""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import TargetFile

import small_onnx
from channel_machines import Machines
from signed_channel import Follower, Thief
from slipway.platform.identity.people_changes import revocation, revoking
from slipway.platform.identity.people_store import PeopleStore
from slipway.serving.channel.errors import Untrusted
from slipway.serving.release.inspecting import drafts_in, keys_of, state_of


@pytest.fixture
def machines(leading: Machines) -> Machines:
    return leading


@pytest.fixture
def device(machines: Machines, tmp_path: Path) -> Follower:
    """It has seen release 1."""
    found = Follower(tmp_path / "trust", machines.office.repository().root_bytes(), machines.office)
    found.look()
    return found


def revoke(machines: Machines, name: str) -> None:
    """The key that somebody had first."""
    office = machines.office
    keyid = office.people().person(name).keys[0].keyid
    now = datetime.now(UTC)
    PeopleStore(office.root / ".slipway" / "people.toml").update(
        lambda people: revoking(people, keyid, revocation(None, "stolen", now))
    )


def keyids(machines: Machines, role: str) -> set[str]:
    return set(keys_of(state_of(machines.office.repository()), role)[0])


def test_without_a_new_key_nothing_changes(machines: Any) -> None:
    done = machines.at("ada", "rotate-key", "timestamp")
    assert (done.code, "Nothing to change" in done.err) == (0, True)
    assert json.loads(machines.well("ada", "rotate-key", "timestamp", "--json"))["changes"] == []


@pytest.mark.parametrize("roles", [("models",), ("channels", "snapshot", "timestamp"), ("timestamp",)])
def test_a_new_key_of_the_holder_takes_the_place_of_the_old_one(
    machines: Any, device: Follower, roles: tuple[str, ...]
) -> None:
    office = machines.office
    holder = "dora" if roles == ("models",) else "rollouts"
    new = office.new_key(holder)
    if roles != ("timestamp",):
        revoke(machines, holder)
        assert "that was revoked: `slipway channel rotate-key" in machines.at("ada", "verify").out
    assert machines.at("ada", "rotate-key", *roles, "--dry-run").code == 0
    machines.well("ada", "rotate-key", *roles)
    device.look()
    machines.well("ben", "sign")
    device.look()
    machines.well("dora", "sign")
    machines.well("rollouts", "sign")
    assert all(keyids(machines, role) == {new} for role in roles)
    assert device.look().base is not None
    machines.well("cleo", "verify")


@pytest.mark.parametrize("gone", ["ada", "ben", "cleo"])
def test_a_root_holder_is_replaced_and_devices_believe_the_channel_at_every_moment(
    machines: Any, device: Follower, gone: str
) -> None:
    """Also while the new root waits for signatures, and the new state for the online keys."""
    first, second = [one for one in ("ada", "ben", "cleo") if one != gone]
    revoke(machines, gone)
    new = machines.office.new_key(gone)
    for who, command in ((first, ["rotate-key", "root"]), (second, ["sign"]), ("rollouts", ["keepalive"])):
        machines.at(who, *command)
        assert device.look().base is not None
    machines.at(second, "sign")
    assert new in keyids(machines, "root") & keyids(machines, "targets")
    assert device.look().base is not None
    machines.well("cleo", "verify")


def test_wrong_names_are_told_and_nothing_changes(machines: Any) -> None:
    refused = machines.at("ada", "rotate-key", "root", "--replace", "cleo", "--with", "eve")
    assert (refused.code, "knows nobody called `eve`" in refused.err) == (2, True)
    refused = machines.at("ada", "rotate-key", "root", "--replace", "dora", "--with", "ben")
    assert "`dora` holds no key of `root`" in refused.err
    refused = machines.at("ada", "rotate-key", "root", "--replace", "cleo")
    assert "go together" in refused.err
    refused = machines.at("ada", "rotate-key", "timestamp", "--remove", "rollouts")
    assert "Nobody would hold `timestamp`" in refused.err
    refused = machines.at("ada", "rotate-key", "timstamp")
    assert "Did you mean `timestamp`?" in refused.err
    assert drafts_in(machines.office.repository(), state_of(machines.office.repository())) == ()


def test_a_revoked_key_without_a_new_one_is_told(machines: Any) -> None:
    assert "is due" not in machines.at("ada", "status").err
    revoke(machines, "ben")
    assert "of ben: `slipway channel rotate-key root` is due" in machines.at("ada", "status").err
    refused = machines.at("ada", "rotate-key", "root")
    assert (refused.code, "`ben` has no trusted key" in refused.err) == (2, True)
    assert "--remove ben" in refused.err


def test_a_thief_of_the_online_keys_is_shut_out(machines: Any, device: Follower, tmp_path: Path) -> None:
    office = machines.office
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    old = office.key("rollouts")
    revoke(machines, "rollouts")
    office.new_key("rollouts")
    machines.well("ada", "rotate-key", "channels", "snapshot", "timestamp")
    machines.well("ben", "sign")
    machines.well("rollouts", "sign")
    assert device.look().base is not None
    (office.root / "home/.config/slipway/keys/rollouts.pem").write_bytes(old.private_bytes)
    thief.show()
    with pytest.raises(Untrusted):
        device.look(thief.folder)
    assert device.look().base is not None


def test_a_release_that_a_thief_listed_is_not_taken_over_unasked(machines: Any, device: Follower) -> None:
    office = machines.office
    made = small_onnx.bundle(office.root / "bundles" / "x", 99)
    office.add(made, 7)  # with dora's key, past the ledger
    office.repository().commit()
    new = office.new_key("dora")
    machines.well("ada", "rotate-key", "models")
    machines.well("ben", "sign")
    looked = machines.at("dora", "sign", "--dry-run")
    assert (looked.code, "NOT TO BE SIGNED: it lists release 7 of small-bays" in looked.err) == (1, True)
    refused = machines.at("dora", "sign")
    assert (refused.code, "--unknown-releases drop" in refused.err) == (1, True)
    assert "is not signed: it lists release 7" in machines.at("dora", "keepalive").err
    assert "Did you mean `drop`?" in machines.at("dora", "sign", "--unknown-releases", "dorp").err
    machines.well("dora", "sign", "--unknown-releases", "drop")
    machines.well("rollouts", "keepalive")
    assert new in office.repository().metadata("models").signatures
    assert office.repository().release("small-bays", made.digest, 7) is None
    assert device.look().base is not None
    machines.well("cleo", "verify")


def test_what_a_thief_of_models_altered_is_made_right_by_ledger_and_manifests(
    machines: Any, device: Follower, tmp_path: Path
) -> None:
    office, thief = machines.office, Thief(machines.office, tmp_path / "copy", ["dora"])
    (release,) = (path for path in thief.made["models"].signed.targets if path.endswith("release.json"))
    model = release.rpartition("/")[0] + "/model.fp32.onnx"

    def alter(listed: Any) -> None:
        del listed.targets[release]
        for path in (model, "x"):
            listed.targets[path] = TargetFile.from_data(path, b"evil", ["sha256"])

    forged = thief.forge("models", alter)
    (office.folder / forged.key).write_bytes(forged.data)
    office.repository().commit()
    office.new_key("dora")
    machines.well("ada", "rotate-key", "models")
    machines.well("ben", "sign")
    refused = machines.at("dora", "sign").err
    assert f"it lists {model} otherwise than the manifest" in refused
    assert "it lists x, which belongs to no release" in refused
    assert f"it does not list {release}" in refused
    machines.well("dora", "sign", "--unknown-releases", "drop")
    machines.well("rollouts", "keepalive")
    assert "x" not in office.repository().metadata("models").signed.targets
    assert device.fetch() > 0
    machines.well("cleo", "verify")


def test_what_cannot_be_believed_of_pointers_stops_no_renewal_and_is_made_anew(
    machines: Any, device: Follower, tmp_path: Path
) -> None:
    office = machines.office
    thief = Thief(office, tmp_path / "copy", ["rollouts"])
    for name in ("ghost", "small-bays"):
        target = TargetFile.from_data(f"channels/{name}.json", b"nothing", ["sha256"])
        forged = thief.forge("channels", partial(_list, target))
        (office.folder / forged.key).write_bytes(forged.data)
    told = machines.at("rollouts", "keepalive")
    assert (told.code, "Listed no more: channels/ghost.json" in told.err) == (0, True)
    assert device.look().base is not None
    machines.well("cleo", "verify")


def _list(target: TargetFile, listed: Any) -> None:
    listed.targets[target.path] = target
