"""What is done to a channel, and that devices refuse it: with real keys, some of them stolen."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import small_onnx
from signed_channel import Follower, Misbehaviour, Office, Thief, WrongDigest, serve
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.errors import ChannelError, Untrusted
from slipway.serving.channel.http_transport import HttpTransport, Pace
from slipway.serving.channel.times import written
from slipway.serving.channel.transport import NotThere, TransferFailed

MODEL = "small-bays"
SLOW = Pace(connect_seconds=1, silent_seconds=0.3, patience_seconds=0.3, least_bytes_per_second=100_000)


def mirror(office: Office, to: Path) -> Path:
    """The channel's files as they are now."""
    shutil.copytree(office.folder, to)
    return to


def move(office: Office, **said: Any) -> None:
    """The next pointer, shown."""
    before = office.repository().pointer(MODEL)
    assert before is not None
    office.repository().set_pointer(
        before.model_copy(update={"sequence": before.sequence + 1, "signed_at": office.time.now(), **said})
    )
    office.repository().commit()


def test_one_bit_wrong_anywhere_is_refused(office: Office, bundle: Bundle, tmp_path: Path) -> None:
    first = office.repository().root_bytes()
    office.repository().refresh("root", "targets")
    with serve(office.folder) as served:
        Follower(tmp_path / "whole", first, office).fetch(HttpTransport(served.url))
    asked = [path for path in dict.fromkeys(served.asked) if (office.folder / path).is_file()]
    assert len(asked) == 2 + 4 + 2 + len(list(bundle.folder.iterdir()))  # root, timestamp; the rest; releases

    for number, path in enumerate(asked):
        damaged = office.folder / path
        whole = damaged.read_bytes()
        for part in (0.03, 0.5, 0.97):
            at = int(len(whole) * part)
            damaged.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises((Untrusted, WrongDigest)):
                Follower(tmp_path / f"trust{number}-{part}", first, office).fetch()
        damaged.write_bytes(whole)


def test_an_older_state_is_refused_after_a_restart_too(office: Office, device: Follower, tmp_path: Path) -> None:
    old = mirror(office, tmp_path / "old")
    move(office, paused=True)
    device.look()

    with pytest.raises(Untrusted, match=r"older state .*version 2 must be >= 3"):
        device.look(old)

    assert device.look().pointer.paused


def test_who_has_the_timestamp_key_cannot_show_an_older_snapshot(
    office: Office, device: Follower, tmp_path: Path
) -> None:
    move(office, paused=True)
    device.look()
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    meta = thief.read("timestamp", 1).signed.snapshot_meta
    thief.forge("timestamp", lambda signed: setattr(signed, "snapshot_meta", meta))

    with pytest.raises(Untrusted, match="older state"):
        device.look(thief.folder)


@pytest.mark.parametrize("role", ["models", "channels", "targets"])
def test_who_has_snapshot_and_timestamp_cannot_bring_older_files_back(
    office: Office, device: Follower, tmp_path: Path, role: str
) -> None:
    office.repository().refresh(role)
    device.look()
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    thief.made[role] = thief.read(role, thief.made[role].version - 1)
    thief.show()

    with pytest.raises(Untrusted, match="older state"):
        device.look(thief.folder)
    (device.trust / "snapshot.json").unlink()
    with pytest.raises(Untrusted, match=f"{role} went back"):
        device.look(thief.folder)


def test_a_snapshot_that_leaves_a_role_out_is_refused(office: Office, device: Follower, tmp_path: Path) -> None:
    device.look()
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    thief.forge("snapshot", lambda signed: signed.meta.pop("models.json"))
    expiries = office.loaded().settings.channel.expiry_days
    from slipway.serving.release.tuf_making import make_timestamp

    thief.write("timestamp", make_timestamp(thief.made["snapshot"], 9, office.time.now(), expiries))

    with pytest.raises(Untrusted, match=r"models\.json"):
        device.look(thief.folder)


def test_files_of_another_state_do_not_mix(office: Office, device: Follower, tmp_path: Path) -> None:
    move(office, paused=True)
    thief = mirror(office, tmp_path / "mixed")
    metadata = thief / "metadata"
    shutil.copy(metadata / "2.channels.json", metadata / "3.channels.json")

    with pytest.raises(Untrusted, match=r"3\.channels\.json is damaged, or of another state"):
        device.look(thief)


def test_a_frozen_channel_is_refused_by_the_devices_time(office: Office, device: Follower) -> None:
    device.look()
    office.time.forward(days=14)

    with pytest.raises(Untrusted, match="timestamp expired at 2026-03-16T09:00:00Z"):
        device.look()
    office.repository().refresh("timestamp")
    assert device.look().base is not None


def test_what_expires_first_is_named(office: Office, device: Follower) -> None:
    office.time.forward(days=91)
    office.repository().refresh("timestamp")
    with pytest.raises(Untrusted, match=r"channels\.json expired at 2026-05-31T09:00:00Z, and .* 2026-06-01T09:00:00Z"):
        device.look()


def test_a_clock_set_back_thaws_no_frozen_channel(office: Office, device: Follower, tmp_path: Path) -> None:
    frozen = mirror(office, tmp_path / "frozen")
    office.time.forward(days=20)
    office.repository().refresh("channels", "snapshot", "timestamp")
    device.clock_days = -3650
    assert device.look().signed_at == office.time.now()
    for name in ("timestamp.json", "snapshot.json", "targets.json"):
        (device.trust / name).unlink()
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    shutil.copy(frozen / "metadata/timestamp.json", thief.folder / "metadata/timestamp.json")

    with pytest.raises(Untrusted, match=r"expired at 2026-03-16T09:00:00Z.*it is 2026-03-22T09:00:00Z"):
        device.look(thief.folder)


def test_a_clock_years_ahead_makes_everything_expired_and_nothing_worse(device: Follower) -> None:
    device.look()
    device.clock_days = 3650
    with pytest.raises(Untrusted, match="root expired"):
        device.look()
    device.clock_days = 0
    assert device.look().base is not None


@pytest.mark.parametrize("path", ["timestamp.json", "snapshot.json", "models.json", "channels/", "manifest.json"])
def test_endless_files_are_cut_off(office: Office, device: Follower, path: str) -> None:
    with serve(office.folder, Misbehaviour(path, endless=True)) as served, pytest.raises(Untrusted, match="endless"):
        device.fetch(HttpTransport(served.url))


@pytest.mark.parametrize(
    "misbehaviour",
    [
        Misbehaviour("timestamp", seconds_a_byte=0.05),
        Misbehaviour("timestamp", slow_headers=0.05),
        Misbehaviour("timestamp", stalled_at=10),
        Misbehaviour("manifest.json", stalled_at=100),
        Misbehaviour("model.fp32.onnx", seconds_a_byte=0.05),
    ],
    ids=["trickle", "headers", "stalled", "stalled target", "trickling target"],
)
def test_slow_transfers_end(office: Office, device: Follower, misbehaviour: Misbehaviour) -> None:
    with serve(office.folder, misbehaviour) as served, pytest.raises(TransferFailed):
        device.fetch(HttpTransport(served.url, pace=SLOW))


@pytest.mark.parametrize("path", ["timestamp.json", "models.json", "manifest.json", "model.fp32.onnx"])
@pytest.mark.parametrize("how", ["cut", "truncated"])
def test_files_that_end_early_count_for_nothing(office: Office, device: Follower, path: str, how: str) -> None:
    plan = Misbehaviour(path, cut_at=100) if how == "cut" else Misbehaviour(path, truncated_at=100)
    with serve(office.folder, plan) as served, pytest.raises((TransferFailed, Untrusted)):
        device.fetch(HttpTransport(served.url))


HOSTILE = {
    "deep": b"[" * 8000,
    "deep inside": b'{"signed":{"_type":"timestamp","x":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b'},"signatures":[]}',
    "long number": b"9" * 8000,
    "no fields": b'{"signed":{"_type":"root"},"signatures":[{}]}',
    "no table": b'{"signed":[],"signatures":7}',
    "no text": b"\xff\xfe\x00",
    "empty": b"",
    "null": b"null",
}


@pytest.mark.parametrize("path", ["2.root.json", "timestamp.json", "2.snapshot.json"])
def test_hostile_json_is_refused_in_words(office: Office, device: Follower, path: str) -> None:
    with serve(office.folder) as served:
        for content in HOSTILE.values():
            served.plan[:] = [Misbehaviour(path, content=content)]
            with pytest.raises(Untrusted, match=r"no metadata|another state|too large"):
                device.look(HttpTransport(served.url))


def test_refusals_by_the_server_are_told(office: Office, device: Follower) -> None:
    with serve(office.folder, Misbehaviour("timestamp", status=302, location="http://127.0.0.1:1/x")) as served:
        with pytest.raises(TransferFailed, match="redirects are refused"):
            device.look(HttpTransport(served.url))
        served.plan[:] = [Misbehaviour("timestamp", status=500)]
        with pytest.raises(TransferFailed, match="status 500"):
            device.look(HttpTransport(served.url))
        served.plan[:] = [Misbehaviour("timestamp", status=404)]
        with pytest.raises(NotThere, match=r"has no metadata/timestamp\.json"):
            device.look(HttpTransport(served.url))
    with pytest.raises(TransferFailed):
        device.look(HttpTransport(served.url))


def test_who_has_all_online_keys_cannot_say_whose_keys_count(office: Office, device: Follower, tmp_path: Path) -> None:
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    key = office.key("rollouts").public_key

    def take_over(signed: Any) -> None:
        signed.delegations.roles["models"].keyids = [key.keyid]
        signed.delegations.keys[key.keyid] = key

    thief.forge("targets", take_over)
    thief.show()
    with pytest.raises(Untrusted, match=r"targets\.json is not signed"):
        device.look(thief.folder)


@pytest.mark.parametrize("role", ["models", "channels"])
def test_a_role_signed_with_the_key_of_another_is_refused(
    office: Office, device: Follower, tmp_path: Path, role: str
) -> None:
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    thief.forge(role, by=["dora" if role == "channels" else "rollouts"])
    thief.show()
    with pytest.raises(Untrusted, match=rf"{role}\.json is not signed"):
        device.look(thief.folder)


def test_one_holder_of_root_alone_changes_nothing(office: Office, device: Follower, tmp_path: Path) -> None:
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    root = office.repository().metadata("root")
    root.signed.version = 2
    thief.write("root", root.signed, by=["ada"])
    with pytest.raises(Untrusted, match=r"2\.root\.json is not signed.*1/2"):
        device.look(thief.folder)


def test_a_pointer_to_what_the_release_key_never_signed_is_refused(
    office: Office, device: Follower, tmp_path: Path
) -> None:
    pointer = device.look().pointer
    assert pointer.base is not None
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    wrong = pointer.base.model_copy(update={"number": 7})
    thief.point(pointer.model_copy(update={"base": wrong, "sequence": 2}))
    with pytest.raises(Untrusted, match="release 7 of small-bays, which the release key has not signed"):
        device.look(thief.folder)


def test_a_stolen_timestamp_key_stops_devices_until_it_is_replaced(
    office: Office, device: Follower, tmp_path: Path
) -> None:
    device.look()
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    far = office.time.now() + timedelta(days=700)

    def date(timestamp: Any) -> None:
        timestamp.version = 1_000_000
        timestamp.expires = far + timedelta(days=10)
        timestamp.unrecognized_fields["signed_at"] = written(far)

    thief.show(date)
    for source in (thief.folder, office.folder):  # poisoned, then honest again: time has moved on for this device
        with pytest.raises(Untrusted, match=r"expired|went back|older state"):
            device.look(source)

    office.new_key("rollouts")
    assert office.repository().rotate(["timestamp", "snapshot", "channels"]) == ()
    assert device.look().signed_at == office.time.now()
    with pytest.raises(Untrusted):
        device.look(thief.folder)


def test_a_timestamp_from_after_the_roots_end_is_refused_and_not_kept(
    office: Office, device: Follower, tmp_path: Path
) -> None:
    device.look()
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    far = office.time.now() + timedelta(days=3650)

    def date(timestamp: Any) -> None:
        timestamp.expires = far + timedelta(days=10)
        timestamp.unrecognized_fields["signed_at"] = written(far)

    thief.show(date)
    with pytest.raises(Untrusted, match="expected before"):
        device.look(thief.folder)
    assert device.look().base is not None


def test_a_stolen_stick_with_links_is_refused(office: Office, device: Follower, tmp_path: Path) -> None:
    stick = mirror(office, tmp_path / "stick")
    (stick / "metadata/timestamp.json").unlink()
    (stick / "metadata/timestamp.json").symlink_to(office.folder / "metadata/timestamp.json")
    with pytest.raises(Untrusted, match="is a link"):
        device.look(stick)
    shutil.rmtree(stick / "metadata")
    (stick / "metadata").symlink_to(office.folder / "metadata")
    with pytest.raises(Untrusted, match="is a link"):
        device.look(stick)
    with pytest.raises(TransferFailed, match="no folder"):
        device.look(tmp_path / "nowhere")


def test_another_model_has_another_pointer(device: Follower) -> None:
    device.model = "small-doors"
    with pytest.raises(NotThere, match=r"holds nothing of small-doors: it lists no channels/small-doors\.json"):
        device.look()


def test_a_stick_without_the_model_holds_nothing_of_it(office: Office, device: Follower, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    shutil.copytree(office.folder, stick)
    (pointer,) = (stick / "targets/channels").glob(f"*.{device.model}.json")
    pointer.unlink()
    with pytest.raises(NotThere) as told:
        device.look(stick)
    assert str(told.value) == f"{stick} holds nothing of {device.model}, which the channel has."


def test_a_manifest_of_another_bundle_is_refused(office: Office, device: Follower, tmp_path: Path) -> None:
    """As a thief of the release key may sign it: the release names the bundle by its digest."""
    other = small_onnx.bundle(tmp_path / "other", seed=1)
    thief = Thief(office, tmp_path / "thief", ["rollouts", "dora"])
    look = device.look()
    assert look.base is not None
    path = f"models/{MODEL}/{look.base.bundle}/manifest.json"
    from tuf.api.metadata import TargetFile

    data = other.manifest.to_bytes()
    target = TargetFile.from_data(path, data, ["sha256"])
    (thief.folder / "targets" / path).with_name(f"{other.digest}.manifest.json").write_bytes(data)
    thief.forge("models", lambda signed: signed.targets.update({path: target}), by=["dora"])
    thief.keys = ["rollouts"]
    thief.show()
    with pytest.raises(ChannelError, match="expected the manifest of bundle"):
        device.fetch(thief.folder)
