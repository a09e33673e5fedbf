"""What others left in the store: signed work is taken over, and what is not signed stops nobody."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from signed_channel import Follower, Office, Thief
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel import limits
from slipway.serving.channel.pointer import Named, Pointer
from slipway.serving.channel.release import Release
from slipway.serving.release import tuf_state
from slipway.serving.release.agreeing import discard
from slipway.serving.release.tuf_files import BadChannel
from slipway.serving.release.tuf_making import sign
from slipway.serving.release.tuf_state import read_state

MODEL = "small-bays"


def metadata(office: Office) -> Path:
    return office.folder / "metadata"


def test_what_was_signed_and_not_shown_is_shown_by_the_next(office: Office, bundles: tuple[Bundle, ...]) -> None:
    office.add(bundles[0])
    office.add(bundles[1], 2)
    office.repository().refresh("timestamp")
    assert (metadata(office) / "3.models.json").exists()
    state = read_state(office.repository().bench.files)
    assert state is not None
    assert state.shown["models"].version == 3


def test_a_version_behind_a_gap_is_not_looked_at(office: Office, bundles: tuple[Bundle, ...], tmp_path: Path) -> None:
    thief = Thief(office, tmp_path / "thief", ["dora"])
    thief.forge("models", lambda signed: setattr(signed, "version", 1_000_000))
    shutil.copy(thief.folder / "metadata/1000000.models.json", metadata(office))
    office.lead(bundles[0])
    assert office.repository().metadata("models").signed.version == 2


@pytest.mark.parametrize("role", ["targets", "models", "channels", "snapshot", "timestamp"])
@pytest.mark.parametrize("content", [b"", b"[" * 9000, None], ids=["empty", "deep", "of another key"])
def test_a_file_that_nobody_signed_is_stepped_over(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path, role: str, content: bytes | None
) -> None:
    before = office.repository().metadata(role).signed.version
    if content is None:
        thief = Thief(office, tmp_path / "thief", ["dora" if role != "models" else "rollouts"])
        content = thief.forge(role).data
    key = metadata(office) / f"{before + 1}.{role}.json"
    key.write_bytes(content)

    office.lead(bundles[0])
    office.repository().refresh("targets", "models", "channels")

    assert office.repository().metadata(role).signed.version > before + 1
    assert key.read_bytes() == content
    assert Follower(tmp_path / "trust", office.repository().root_bytes(), office).look().base is not None
    state = read_state(office.repository().bench.files)
    assert state is not None
    assert not state.newest(role).skipped  # told as long as it is in the way


def test_a_file_in_the_way_is_named(office: Office) -> None:
    (metadata(office) / "2.models.json").write_text("{}")
    state = read_state(office.repository().bench.files)
    assert state is not None
    assert state.newest("models").skipped == ("metadata/2.models.json",)


def test_a_root_that_nobody_signed_is_named_with_the_remedy(office: Office) -> None:
    (metadata(office) / "2.root.json").write_text("{}")
    with pytest.raises(BadChannel, match=r"metadata/2\.root\.json .* is not signed") as told:
        office.repository().commit()
    assert "remove that file" in str(told.value.mend)


@pytest.mark.parametrize("first", [2, 3])
def test_dozens_of_files_in_the_way_stop_nobody(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path, first: int
) -> None:
    for version in range(first, 80):
        for role in ("models", "timestamp"):
            (metadata(office) / f"{version}.{role}.json").write_text("{}")
    office.lead(bundles[0])
    office.repository().refresh("models")
    assert office.repository().metadata("models").signed.version > 79
    assert Follower(tmp_path / "trust", office.repository().root_bytes(), office).look().base is not None


def test_endless_rubbish_is_refused(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuf_state, "MOST_SKIPPED", 3)
    for version in range(2, 8):
        (metadata(office) / f"{version}.models.json").write_text("{}")
    with pytest.raises(BadChannel, match=r"more than 3 files of `models` .* from metadata/2\.models") as told:
        office.repository().metadata("models")
    assert "remove those from metadata/2.models.json on" in str(told.value.mend)


def test_thousands_of_files_in_the_way_stop_nobody_and_are_told(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    last = tuf_state.MANY_SKIPPED + 3
    for version in range(2, last):
        (metadata(office) / f"{version}.models.json").write_text("{}")
    (metadata(office) / "5000.root.json").write_text("{}")
    office.lead(bundles[0])
    assert office.repository().metadata("models").signed.version == last
    assert "from metadata/2.models.json to" in caplog.text
    assert Follower(tmp_path / "trust", office.repository().root_bytes(), office).look().base is not None


def test_no_more_is_read_of_a_file_in_the_way_than_a_role_may_have(office: Office) -> None:
    with (metadata(office) / "2.models.json").open("wb") as file:
        file.truncate(1 << 36)  # a sparse one, larger than memory
    state = read_state(office.repository().bench.files)
    assert state is not None
    assert state.newest("models").skipped == ("metadata/2.models.json",)


@pytest.mark.parametrize("version", [100_001, limits.MOST, 2**62, 10**240])
def test_a_version_far_ahead_leads_nobody(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture, version: int
) -> None:
    office.lead(bundles[0])
    device = Follower(tmp_path / "trust", office.repository().root_bytes(), office)
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    timestamp = thief.read("timestamp", 2).signed
    timestamp.version = version
    key = office.key("rollouts")
    stolen = sign("timestamp", timestamp, {key.public_key.keyid: key}).data
    (metadata(office) / "timestamp.json").write_bytes(stolen)

    office.repository().refresh("timestamp")
    assert office.repository().metadata("timestamp").signed.version == 3
    assert "timestamp.json" in caplog.text
    office.new_key("rollouts")
    assert office.repository().rotate(["channels", "snapshot", "timestamp"]) == ()
    (metadata(office) / "timestamp.json").write_bytes(stolen)  # once more, now that the key is nobody's
    office.repository().commit()

    assert device.look().base is not None
    assert office.repository().metadata("timestamp").signed.version == 4


def test_keys_of_former_roots_lead_nobody_while_a_newer_one_has_signed(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path
) -> None:
    office.lead(bundles[0])
    key = office.key("rollouts")
    office.new_key("rollouts")
    assert office.repository().rotate(["channels", "snapshot", "timestamp"]) == ()
    before = office.repository().metadata("timestamp").signed
    before.version = 90_000
    (metadata(office) / "timestamp.json").write_bytes(sign("timestamp", before, {key.public_key.keyid: key}).data)
    office.repository().refresh("timestamp")
    assert office.repository().metadata("timestamp").signed.version == 4
    assert Follower(tmp_path / "trust", office.repository().root_bytes(), office).look().base is not None


def test_numbers_are_bounded(office: Office) -> None:
    number = limits.MOST + 1
    said: dict[str, Any] = {"model": MODEL, "signed_at": office.time.now()}
    with pytest.raises(ValidationError):
        Named(number=number, bundle="a" * 64)
    with pytest.raises(ValidationError):
        Pointer(sequence=number, **said)
    with pytest.raises(ValidationError, match="2 validation errors"):
        Release(number=number, bundle="a" * 64, floor=number, **said)


def test_a_list_above_what_devices_read_is_stepped_over(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path
) -> None:
    forged = Thief(office, tmp_path / "thief", ["dora"]).forge("models")
    (metadata(office) / "2.models.json").write_bytes(forged.data + b" " * limits.LARGEST_TARGETS)
    office.lead(bundles[0])
    assert office.repository().metadata("models").signed.version == 3
    assert Follower(tmp_path / "trust", office.repository().root_bytes(), office).look().base is not None


@pytest.mark.parametrize("draft", ["2.root.json", "2.targets.json"])
def test_rubbish_in_place_of_a_draft_stops_nobody_and_can_be_discarded(
    office: Office, bundles: tuple[Bundle, ...], draft: str
) -> None:
    place = office.folder / "drafts" / draft
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(b"x")
    office.lead(bundles[0])
    with pytest.raises(BadChannel, match="is no draft") as told:
        office.repository().refresh(draft.split(".")[1])
    assert "--discard" in str(told.value.mend)
    assert discard(office.repository()) == (f"`{draft.split('.')[1]}` 2",)
    assert not place.exists()
    assert office.repository().refresh("root", "targets") == ()


def test_a_forged_timestamp_that_leads_nowhere_stops_nobody_for_good(
    office: Office, bundles: tuple[Bundle, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    office.lead(bundles[0])
    device = Follower(tmp_path / "trust", office.repository().root_bytes(), office)
    thief = Thief(office, tmp_path / "thief", ["rollouts"])
    thief.forge("timestamp", lambda signed: setattr(signed.snapshot_meta, "version", 1_000_000))
    for name in ("timestamp.json", "3.timestamp.json"):
        shutil.copy(thief.folder / "metadata" / name, metadata(office) / name)
    with pytest.raises(Exception, match=r"1000000\.snapshot"):
        device.look()

    office.new_key("rollouts")
    assert office.repository().rotate(["channels", "snapshot", "timestamp"]) == ()

    assert "metadata/1000000.snapshot.json" in caplog.text
    assert device.look().base is not None


def test_a_missing_file_of_the_shown_state_is_told(office: Office, bundles: tuple[Bundle, ...]) -> None:
    office.lead(bundles[0])
    for path in metadata(office).glob("*.models.json"):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BadChannel, match=r"models\.json .* is missing, damaged, or not signed"):
        office.repository().commit()


def test_two_commits_that_cross_end_in_the_newest_state(office: Office, bundles: tuple[Bundle, ...]) -> None:
    """One is held up before it writes the timestamp, while another goes by."""
    office.add(bundles[0])

    class Held:
        def __init__(self) -> None:
            self.store = office.repository().store
            self.held = False

        def __getattr__(self, name: str) -> object:
            if name == "put" and not self.held:
                self.held = True
                office.add(bundles[1], 2)
                office.repository().commit()
            return getattr(self.store, name)

    office.repository(Held()).commit()  # type: ignore[arg-type]

    state = read_state(office.repository().bench.files)
    assert state is not None
    assert len([path for path in state.shown["models"].signed.targets if path.endswith("release.json")]) == 2
