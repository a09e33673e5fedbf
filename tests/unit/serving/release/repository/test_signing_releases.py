"""Releases and pointers are signed, shown by a commit, and refused where they do not fit."""

import json
import threading
from pathlib import Path

import pytest

from signed_channel import Follower, Office
from signed_channel.office import files_of, tree
from slipway.platform.errors import WrongUse
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.release import Release
from slipway.serving.channel.transport import NotThere
from slipway.serving.release.signing import CannotSign
from slipway.serving.release.tuf_files import BadChannel

MODEL = "small-bays"


def follower(office: Office, tmp_path: Path) -> Follower:
    return Follower(tmp_path / "trust", office.repository().root_bytes(), office)


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


def test_a_damaged_pointer_in_the_store_is_told(office: Office, bundles: tuple[Bundle, ...]) -> None:
    office.lead(bundles[0])
    (stored,) = (office.folder / "targets/channels").iterdir()
    stored.write_bytes(stored.read_bytes()[:-1] + b" ")
    with pytest.raises(BadChannel, match="has another sha256 than its name says"):
        office.repository().pointer(MODEL)
