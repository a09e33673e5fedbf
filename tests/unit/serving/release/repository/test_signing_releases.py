"""Releases and pointers are signed, shown by a commit, and refused where they do not fit."""

import json
import threading
from pathlib import Path

import pytest
from tuf.api.metadata import TargetFile

from signed_channel import Follower, Office, Thief
from signed_channel.office import files_of, tree
from slipway.platform.errors import WrongUse
from slipway.serving.bundle.canonical import sha256
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.paths import file_path, stored_path
from slipway.serving.channel.pointer import Pointer
from slipway.serving.channel.release import Release
from slipway.serving.channel.transport import NotThere
from slipway.serving.release.checking import problems
from slipway.serving.release.inspecting import standing_of
from slipway.serving.release.metering import SILENT
from slipway.serving.release.signing import CannotSign
from slipway.serving.release.tuf_files import BadChannel
from slipway.serving.release.tuf_repository import TufRepository
from slipway.serving.release.tuf_showing import Unreviewed
from slipway.serving.release.tuf_state import read_state

MODEL = "small-bays"


def follower(office: Office, tmp_path: Path) -> Follower:
    return Follower(tmp_path / "trust", office.repository().root_bytes(), office)


def pointer_of(office: Office) -> Pointer:
    found = office.repository().pointer(MODEL)
    assert found is not None
    return found


def test_devices_see_nothing_before_a_commit_and_all_of_it_after(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path
) -> None:
    device = follower(office, tmp_path)
    release = office.add(bundles[0])
    pointer = office.point(MODEL, base=release)
    assert office.repository().pointer(MODEL) == pointer
    assert office.repository().release(MODEL, bundles[0].digest, 1) == release
    with pytest.raises(NotThere):
        device.look()

    office.repository().commit()

    assert device.look().pointer == pointer


def test_the_same_again_changes_nothing(office: Office, bundles: tuple[Bundle, ...]) -> None:
    first = office.lead(bundles[0])
    office.time.forward(hours=1)
    before = tree(office.folder)

    assert office.add(bundles[0]) == first  # what stands, with its own date
    pointer = office.repository().pointer(MODEL)
    assert pointer is not None
    office.repository().set_pointer(pointer)
    office.repository().commit()
    assert office.repository().found() == ()

    assert tree(office.folder) == before


def test_a_number_is_given_once(office: Office, bundles: tuple[Bundle, ...]) -> None:
    office.add(bundles[0])
    with pytest.raises(WrongUse, match=f"Release 1 of small-bays is bundle {bundles[0].digest}"):
        office.add(bundles[1], 1)


def test_the_sequence_of_pointers_rises(office: Office, bundles: tuple[Bundle, ...]) -> None:
    office.lead(bundles[0])
    pointer = office.repository().pointer(MODEL)
    assert pointer is not None
    with pytest.raises(WrongUse, match="Expected sequence 2 or higher of the pointer of small-bays, found 1"):
        office.repository().set_pointer(pointer.model_copy(update={"paused": True}))
    office.repository().set_pointer(pointer.model_copy(update={"sequence": 7, "paused": True}))


@pytest.mark.parametrize("done", ["altered", "deleted", "of another model", "without a sha256"])
def test_a_pointer_that_cannot_be_believed_is_made_anew_above_all_before(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture, done: str
) -> None:
    release = office.lead(bundles[0])
    office.point(MODEL, base=release, paused=True)
    before = pointer_of(office)
    (file,) = [path for path in (office.folder / "targets/channels").iterdir() if b'"paused":true' in path.read_bytes()]
    if done == "deleted":
        file.unlink()
    elif done == "altered":
        file.write_bytes(b"{}")
    else:
        data = before.model_copy(update={"model": "other"}).model_dump_json().encode()
        target = TargetFile.from_data(f"channels/{MODEL}.json", data, ["sha512" if "out" in done else "sha256"])
        thief = Thief(office, tmp_path / "thief", ["rollouts"])
        thief.forge("channels", lambda signed: signed.targets.update({f"channels/{MODEL}.json": target}))
        made = thief.made["channels"]
        (office.folder / made.key).write_bytes(made.data)
        (office.folder / f"targets/channels/{sha256(data)}.{MODEL}.json").write_bytes(data)

    office.repository().commit()
    assert office.repository().pointer(MODEL) is None
    assert office.repository().senseless() == (f"channels/{MODEL}.json",)
    assert f"{MODEL}.json" in caplog.text
    assert "channels/small-bays.json cannot be believed" in "".join(standing_of(office.repository()).remarks)
    found = list(problems(office.repository(), now=office.time.now(), meter=SILENT))
    assert any("channels/small-bays.json cannot be believed" in one for one in found)
    office.point(MODEL, base=release)
    office.repository().commit()

    assert pointer_of(office).sequence > before.sequence
    assert follower(office, tmp_path).look().base == release
    assert office.repository().senseless() == ()


def test_what_makes_no_sense_can_be_left_out(office: Office, bundles: tuple[Bundle, ...], tmp_path: Path) -> None:
    release = office.lead(bundles[0])
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    ghost = TargetFile.from_data("channels/ghost.json", b"nothing", ["sha256"])
    made = thief.forge("channels", lambda signed: signed.targets.update({"channels/ghost.json": ghost}))
    (office.folder / made.key).write_bytes(made.data)
    office.repository().forget(office.repository().senseless())
    office.repository().commit()
    assert office.repository().models() == (MODEL,)
    assert list(problems(office.repository(), now=office.time.now(), meter=SILENT)) == []
    assert follower(office, tmp_path).look().base == release


def test_a_file_that_is_listed_otherwise_is_listed_as_it_is(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path
) -> None:
    release = office.lead(bundles[0])
    thief = Thief(office, tmp_path / "thief", ["dora"])
    path = file_path(MODEL, release.bundle, "model.fp32.onnx")
    evil = TargetFile.from_data(path, b"evil", ["sha256"])
    made = thief.forge("models", lambda signed: signed.targets.update({path: evil}))
    (office.folder / made.key).write_bytes(made.data)
    office.time.forward(hours=1)
    assert office.add(bundles[0]) == release
    office.repository().commit()
    assert follower(office, tmp_path).fetch() > 0


def test_a_file_of_the_right_size_that_was_planted_is_replaced(office: Office, bundles: tuple[Bundle, ...]) -> None:
    name = "model.fp32.onnx"
    data = (bundles[0].folder / name).read_bytes()
    planted = office.folder / stored_path(file_path(MODEL, bundles[0].digest, name), sha256(data))
    planted.parent.mkdir(parents=True)
    planted.write_bytes(bytes(len(data)))
    office.lead(bundles[0])
    assert planted.read_bytes() == data


def test_a_new_key_of_models_vouches_for_nothing_unreviewed(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path
) -> None:
    office.lead(bundles[0])
    thief = Thief(office, tmp_path / "thief", ["dora"])
    ghost = TargetFile.from_data("x", b"nothing", ["sha256"])
    made = thief.forge("models", lambda signed: signed.targets.update({"x": ghost}))
    (office.folder / made.key).write_bytes(made.data)
    office.new_key("dora")
    office.alone("ada", "ben", "rollouts").rotate(["models"])
    asking = TufRepository.open(
        office.loaded(), now=office.time.now, review=lambda listed: ["it lists x"] if "x" in listed.targets else []
    )
    asking.commit()
    asking.refresh("models", "channels")
    with pytest.raises(Unreviewed, match="it lists x"):
        asking.add_release(
            Release(model=MODEL, number=2, bundle=bundles[1].digest, floor=0, signed_at=office.time.now()),
            files_of(bundles[1]),
        )
    state = read_state(asking.bench.files)
    assert state is not None
    assert not state.newest("models").valid


def test_who_has_no_ledger_vouches_for_nothing_that_others_listed(office: Office, bundles: tuple[Bundle, ...]) -> None:
    office.lead(bundles[0])
    office.new_key("dora")
    office.alone("ada", "ben", "rollouts").rotate(["models"])
    bare = TufRepository.open(office.loaded(), now=office.time.now)
    assert [one.role for one in bare.found()] == ["models"]
    assert [one.role for one in bare.complete()] == ["models"]
    with pytest.raises(Unreviewed, match="nothing here holds it against the ledger"):
        bare.add_release(
            Release(model=MODEL, number=2, bundle=bundles[1].digest, floor=0, signed_at=office.time.now()),
            files_of(bundles[1]),
        )


def test_a_pointer_names_signed_releases_only(office: Office, bundles: tuple[Bundle, ...]) -> None:
    release = office.add(bundles[0])
    with pytest.raises(WrongUse, match="has no release 2"):
        office.point(MODEL, target=release.model_copy(update={"number": 2}))


def test_files_are_held_against_the_manifest(office: Office, bundles: tuple[Bundle, ...], tmp_path: Path) -> None:
    release = Release(model=MODEL, number=1, bundle=bundles[0].digest, floor=0, signed_at=office.time.now())
    files = files_of(bundles[0])
    repository = office.repository()
    with pytest.raises(WrongUse, match=r"golden\.npz"):
        repository.add_release(release, {name: path for name, path in files.items() if name != "golden.npz"})
    with pytest.raises(WrongUse, match="is of bundle"):
        repository.add_release(release, files_of(bundles[1]))
    wrong = tmp_path / "golden.npz"
    wrong.write_bytes(b"other")
    with pytest.raises(WrongUse, match="is not what the manifest says of it"):
        repository.add_release(release, {**files, "golden.npz": wrong})
    assert repository.release(MODEL, bundles[0].digest, 1) is None


def test_who_lacks_a_key_is_told_whose_it_is(office: Office, bundles: tuple[Bundle, ...]) -> None:
    release = Release(model=MODEL, number=1, bundle=bundles[0].digest, floor=0, signed_at=office.time.now())
    with pytest.raises(CannotSign, match="`models` is signed by dora, and no such key is on this machine"):
        office.alone("rollouts").add_release(release, files_of(bundles[0]))
    dora = office.alone("dora")
    assert dora.add_release(release, files_of(bundles[0])) == release
    with pytest.raises(CannotSign, match="`snapshot` is signed by rollouts"):
        dora.commit()
    assert dora.at_hand("models")
    assert not dora.at_hand("timestamp")
    office.alone("rollouts").commit()


def test_two_at_once_are_both_listed(office: Office, bundles: tuple[Bundle, ...]) -> None:
    together = threading.Barrier(2)
    errors: list[BaseException] = []

    def add(number: int) -> None:
        try:
            together.wait()
            office.lead(bundles[number - 1], number) if number == 1 else office.add(bundles[1], 2)
            office.repository().commit()
        except BaseException as error:  # noqa: BLE001 - told by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    office.repository().commit()
    listed = office.repository().metadata("models").signed.targets
    assert {path.rpartition("/")[2] for path in listed if path.endswith("release.json")} == {
        "1.release.json",
        "2.release.json",
    }


def test_all_dates_are_in_whole_seconds(office: Office, bundles: tuple[Bundle, ...]) -> None:
    office.time.forward(microseconds=123_456)
    office.lead(bundles[0])
    office.repository().refresh("root", "targets")
    expected = "2026-03-02T09:00:00Z"
    for role in ("root", "timestamp"):
        signed = office.repository().metadata(role).signed
        assert signed.unrecognized_fields["signed_at"] == expected
    for path in (office.folder / "metadata").iterdir():
        assert json.loads(path.read_bytes())["signed"]["expires"].endswith(":00:00Z")


def test_a_channel_that_was_not_founded_says_so(unfounded: Office) -> None:
    repository = unfounded.repository()
    assert not repository.exists()
    with pytest.raises(BadChannel, match="There is no channel at"):
        repository.pointer(MODEL)
