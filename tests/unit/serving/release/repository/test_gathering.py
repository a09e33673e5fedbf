"""What two must sign is gathered over machines that never meet."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, TargetFile

from signed_channel import Follower, Office
from slipway.platform.errors import WrongUse
from slipway.platform.identity import People, Role
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.times import written
from slipway.serving.release.roles import holders, role_named, threshold
from slipway.serving.release.tuf_files import BadChannel
from slipway.serving.release.tuf_judging import UnfitDraft
from slipway.serving.release.tuf_rotating import DraftInTheWay
from slipway.serving.release.tuf_showing import Waiting

MODEL = "small-bays"


def roles(waiting: tuple[Waiting, ...]) -> dict[str, int]:
    return {one.role: one.missing for one in waiting}


def test_a_channel_is_founded_from_four_machines(unfounded: Office) -> None:
    office = unfounded
    assert roles(office.alone("ada").found()) == {"root": 1, "targets": 1}
    assert not office.repository().exists()
    assert roles(office.alone("ada").found()) == {"root": 1, "targets": 1}
    assert roles(office.alone("cleo").found()) == {"models": 1, "channels": 1}
    assert roles(office.alone("dora").complete()) == {"channels": 1}
    assert roles(office.alone("rollouts").complete()) == {}
    assert {*office.repository().metadata("root").signatures} == {
        office.key(name).public_key.keyid for name in ("ada", "cleo")
    }
    assert not (office.folder / "drafts/1.root.json").exists()


def test_a_lone_developer_has_a_channel_too(bundles: tuple[Bundle, ...], tmp_path: Path) -> None:
    office = Office(tmp_path / "alone").known({"ada": (Role.CHANNEL_ROOT, Role.RELEASER, Role.ROLLOUT_SERVICE)})
    assert office.repository().found() == ()
    release = office.lead(bundles[0])
    office.new_key("ada")
    assert "root" in roles(office.repository().rotate(["root"]))  # the former key would have to sign, and is gone
    assert Follower(tmp_path / "trust", office.repository().root_bytes(), office).look().base == release


def test_other_keys_wait_for_two_and_devices_notice_nothing(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path
) -> None:
    office.lead(bundles[0])
    device = Follower(tmp_path / "trust", office.repository().root_bytes(), office)
    device.look()
    office.new_key("rollouts")

    assert roles(office.alone("ada").rotate(["timestamp", "snapshot", "channels"])) == {"root": 1, "targets": 1}
    device.look()
    # signed by enough; but who must sign after that is not here, so devices are left in peace
    assert roles(office.alone("ben").complete()).keys() >= {"root"}
    assert office.repository().metadata("root").signed.version == 1
    device.look()
    assert roles(office.alone("rollouts").complete()) == {}
    assert office.repository().metadata("root").signed.version == 2
    assert device.look().base is not None


def test_the_former_state_is_kept_fresh_while_new_keys_have_not_signed(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path
) -> None:
    office.lead(bundles[0])
    device = Follower(tmp_path / "trust", office.repository().root_bytes(), office)
    rollouts = office.alone("rollouts")
    office.new_key("dora")
    office.alone("ada", "ben").rotate(["models"])

    office.time.forward(days=13)
    assert roles(rollouts.refresh("timestamp", "snapshot")) == {"models": 1}
    office.time.forward(days=2)
    assert device.look().base is not None
    assert rollouts.metadata("targets").signed.version == 2  # signed, and not shown

    assert roles(office.alone("dora").complete()) == {"snapshot": 1}
    rollouts.commit()
    assert device.look().base is not None


def test_a_draft_that_says_something_else_is_in_the_way(office: Office) -> None:
    office.new_key("rollouts")
    office.alone("ada").rotate(["timestamp"])
    with pytest.raises(DraftInTheWay, match="Another draft of `root` 2 waits"):
        office.alone("ben").rotate(["snapshot"])
    (root, _) = office.repository().bench.drafts_of(office.repository()._state())
    assert root is not None
    office.repository().bench.drafts.remove(root)
    assert office.alone("ben", "cleo").rotate(["snapshot"]) != ()


def test_signatures_that_do_not_hold_do_not_count(office: Office) -> None:
    office.new_key("rollouts")
    office.alone("ada").rotate(["timestamp"])
    (signature,) = (office.folder / "drafts").rglob(f"{office.key('ada').public_key.keyid}.json")
    signature.with_name(f"{office.key('ben').public_key.keyid}.json").write_bytes(signature.read_bytes())
    (signature.parent / ("0" * 64 + ".json")).write_text("[" * 5000)
    assert roles(office.alone("ada").complete()) == {"root": 1}
    (office.folder / "drafts/2.root.json").write_text("{}")
    assert office.alone("ben").complete() == ()
    with pytest.raises(BadChannel, match=r"drafts/2\.root\.json .* is no draft"):
        office.alone("ben").rotate(["timestamp"])


def _to_a_stranger(signed: Any, _: Office) -> None:
    signed.revoke_key(signed.roles["timestamp"].keyids[0], "timestamp")
    signed.add_key(CryptoSigner.generate_ed25519().public_key, "timestamp")


def _to_one_who_may_not(signed: Any, office: Office) -> None:
    signed.add_key(office.people().person("dora").keys[0].public_key(), "root")


def _one_is_enough(signed: Any, _: Office) -> None:
    signed.roles["root"].threshold = 1


def _good_for_ever(signed: Any, _: Office) -> None:
    signed.expires += timedelta(days=3650)


def _from_the_future(signed: Any, office: Office) -> None:
    signed.unrecognized_fields["signed_at"] = written(office.time.now() + timedelta(days=30))


def _mixable(signed: Any, _: Office) -> None:
    signed.consistent_snapshot = False


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_to_a_stranger, "it gives `timestamp` to the key"),
        (_to_one_who_may_not, "expected a trusted key of a channel-root"),
        (_one_is_enough, "1 would have to sign `root`, expected 2"),
        (_good_for_ever, "it would be good for longer than 730 days"),
        (_from_the_future, "it bears a date in the future"),
        (_mixable, "it says something else of `consistent_snapshot`"),
    ],
)
def test_a_draft_that_a_thief_of_the_store_wrote_is_not_signed(
    office: Office, change: Callable[[Any, Office], None], message: str
) -> None:
    root = office.repository().metadata("root").signed
    root.version = 2
    change(root, office)
    office.repository().bench.drafts.propose("root", root)

    for name in ("ada", "ben"):
        with pytest.raises(UnfitDraft, match=message):
            office.alone(name).complete()

    assert office.repository().metadata("root").signed.version == 1
    assert not list((office.folder / "drafts/2.root").rglob("*.json"))


def test_targets_that_list_files_or_other_roles_are_not_signed(office: Office) -> None:
    targets = office.repository().metadata("targets").signed
    targets.version = 2
    targets.targets["models/a/b/c"] = TargetFile.from_data("models/a/b/c", b"", ["sha256"])
    draft = office.repository().bench.drafts.propose("targets", targets)
    with pytest.raises(UnfitDraft, match="something else of `targets`"):
        office.repository().complete()
    office.repository().bench.drafts.remove(draft)

    targets = office.repository().metadata("targets").signed
    targets.version = 2
    keyid = office.key("dora").public_key.keyid
    targets.delegations.roles["more"] = DelegatedRole("more", [keyid], 1, terminating=True, paths=["models/*/*/*"])
    office.repository().bench.drafts.propose("targets", targets)
    with pytest.raises(UnfitDraft, match="there is no role `more`"):
        office.repository().complete()


def test_nothing_is_signed_before_the_channels_own_date(office: Office) -> None:
    office.time.forward(days=400)
    office.repository().refresh("root", "targets", "models", "channels")
    office.time.forward(days=-400)
    with pytest.raises(BadChannel, match=r"bears the date 2027-04-06T09:00:00Z.*2026-03-02") as told:
        office.repository().refresh("timestamp")
    assert "rotate-key timestamp" in str(told.value.mend)


def test_roles_belong_to_those_who_may(office: Office) -> None:
    people = office.people()
    assert [one.person.name for one in holders(people, "root")] == ["ada", "ben", "cleo"]
    assert [one.person.name for one in holders(people, "targets", ["cleo"])] == ["cleo"]
    with pytest.raises(WrongUse, match="`dora` is no channel-root"):
        holders(people, "root", ["ada", "dora"])
    with pytest.raises(WrongUse, match="nobody who is rollout-service"):
        holders(People(), "timestamp")
    with pytest.raises(WrongUse, match="no role `timestmp`"):
        role_named("timestmp")


def test_a_protected_channel_has_three_root_holders(office: Office) -> None:
    held = holders(office.people(), "root")
    assert threshold("root", held, protected=True) == 2
    assert threshold("models", held[:1], protected=True) == 1
    assert threshold("root", held[:1], protected=False) == 1
    with pytest.raises(WrongUse, match=f"Expected 3 holders of {Role.CHANNEL_ROOT}.*found 2: ada, ben"):
        threshold("root", held[:2], protected=True)
