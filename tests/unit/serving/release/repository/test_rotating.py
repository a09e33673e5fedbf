"""A lost or stolen key of any role is replaced, and no device has to be touched."""

from pathlib import Path
from typing import Any

import pytest

from signed_channel import Follower, Office, Thief
from signed_channel.office import ROLES
from slipway.platform.identity import Role
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.errors import Untrusted
from slipway.serving.channel.transport import NotThere
from slipway.serving.release.tuf_making import keyids_of

HELD = {
    "ada": ("root", "targets"),
    "dora": ("models",),
    "rollouts": ("channels", "snapshot", "timestamp"),
}


def follower(office: Office, tmp_path: Path, name: str = "trust") -> Follower:
    return Follower(tmp_path / name, (office.folder / "metadata/1.root.json").read_bytes(), office)


def founded_by(to: Path, *names: str) -> Office:
    """Of the holders of root and targets these alone signed when it was founded."""
    office = Office(to).known()
    assert office.alone(*names, "dora", "rollouts").found() == ()
    return office


@pytest.mark.parametrize("name", ["dora", "rollouts"])
def test_a_lost_key_is_replaced(office: Office, bundles: tuple[Bundle, ...], tmp_path: Path, name: str) -> None:
    replaced(office, bundles[0], tmp_path, name)


@pytest.mark.parametrize(("signed", "anew"), [(("ada", "ben"), 2), (("ben", "cleo"), 1)])
def test_a_lost_key_of_a_root_holder_is_replaced(
    bundles: tuple[Bundle, ...], tmp_path: Path, signed: tuple[str, ...], anew: int
) -> None:
    """What lacks a signature then is signed anew, by any two of those who hold it now."""
    office = founded_by(tmp_path / "office", *signed)
    replaced(office, bundles[0], tmp_path, "ada", targets=anew)


def replaced(office: Office, bundle: Bundle, tmp_path: Path, name: str, *, targets: int = 1) -> None:
    """By the new key of the same person; devices believe the channel before and after, for as long as it is kept."""
    office.lead(bundle)
    device = follower(office, tmp_path)
    device.look()
    keyid = office.new_key(name)  # the former key is gone

    assert office.repository().rotate(HELD[name]) == ()

    root, listing = (office.repository().metadata(role) for role in ("root", "targets"))
    for role in HELD[name]:
        assert keyid in keyids_of(role, root.signed, listing.signed)[0]
    root.signed.verify_delegate("targets", listing.signed_bytes, listing.signatures)
    if name == "ada":
        assert listing.signed.version == targets
    assert device.look().base is not None
    assert follower(office, tmp_path, "new").look().base is not None
    office.time.forward(days=10)
    assert office.repository().refresh("root", "targets", "models", "channels") == ()
    office.time.forward(days=10)
    assert device.look().base is not None


@pytest.mark.parametrize("name", ["dora", "rollouts"])
def test_a_stolen_key_counts_for_nothing_once_it_is_replaced(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path, name: str
) -> None:
    office.lead(bundles[0])
    device = follower(office, tmp_path)
    stolen = office.copied(tmp_path / "stolen")
    office.new_key(name)
    assert office.repository().rotate(HELD[name]) == ()
    device.look()

    thief = Thief(office, tmp_path / "thief", [name])
    thief.office = stolen
    thief.forge(HELD[name][0])
    thief.keys = ["rollouts"]
    thief.office = office if name == "dora" else stolen
    thief.show()
    with pytest.raises(Untrusted, match="is not signed"):
        device.look(thief.folder)
    assert follower(office, tmp_path, "new").look().base is not None


def test_a_device_that_slept_through_many_roots_follows_all(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path
) -> None:
    office.lead(bundles[0])
    device = follower(office, tmp_path)
    for name in ("ada", "ben", "cleo", "ada"):
        office.time.forward(hours=1)
        office.new_key(name)
        assert office.repository().rotate(["root", "targets"]) == ()
    assert office.repository().metadata("root").signed.version == 5
    assert device.look().base is not None
    assert (device.trust / "root_history/5.root.json").is_file()


def test_a_role_can_have_a_holder_of_its_own(unfounded: Office) -> None:
    from signed_channel.office import ROLES, SERVICES
    from slipway.platform.identity import Role

    assert {"rollouts", "keeper"} == SERVICES
    office = Office(unfounded.root.parent / "other").known({**ROLES, "keeper": (Role.ROLLOUT_SERVICE,)})
    assert (
        office.repository().found({"timestamp": ["keeper"], "snapshot": ["rollouts"], "channels": ["rollouts"]}) == ()
    )
    keeper, rollouts = (office.key(name).public_key.keyid for name in ("keeper", "rollouts"))
    root = office.repository().metadata("root").signed
    assert (root.roles["timestamp"].keyids, root.roles["snapshot"].keyids) == ([keeper], [rollouts])
    assert not office.alone("rollouts").at_hand("timestamp")
    assert office.alone("keeper").refresh("timestamp")[0].role == "snapshot"


def test_who_stole_the_timestamp_key_alone_is_shut_out_by_replacing_it_alone(
    bundles: tuple[Bundle, ...], tmp_path: Path
) -> None:
    office = Office(tmp_path / "office").known({**ROLES, "keeper": (Role.ROLLOUT_SERVICE,)})
    office.repository().found({"timestamp": ["keeper"], "snapshot": ["rollouts"], "channels": ["rollouts"]})
    office.lead(bundles[0])
    device = follower(office, tmp_path)
    device.look()
    thief = Thief(office, tmp_path / "thief", ["keeper"])

    def far(signed: Any) -> None:
        signed.version = signed.snapshot_meta.version = 1_000_000

    thief.forge("timestamp", far)
    with pytest.raises(NotThere):
        device.look(thief.folder)
    with pytest.raises(Untrusted):
        device.look()
    office.new_key("keeper")
    assert office.repository().rotate(["timestamp"], ["keeper"]) == ()
    assert device.look().base is not None


def test_rotating_to_the_same_keys_changes_nothing(office: Office) -> None:
    assert office.repository().rotate(["root", "models", "timestamp"]) == ()
    assert office.repository().metadata("root").signed.version == 1
    assert office.repository().metadata("targets").signed.version == 1
