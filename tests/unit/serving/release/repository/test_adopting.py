"""What others left in the store: signed work is taken over, and what is not signed stops nobody."""

import shutil
from pathlib import Path

import pytest

from signed_channel import Follower, Office, Thief
from slipway.serving.bundle.folder import Bundle
from slipway.serving.release.tuf_files import BadChannel
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


def test_endless_rubbish_is_refused(office: Office) -> None:
    for version in range(2, 80):
        (metadata(office) / f"{version}.models.json").write_text("{}")
    with pytest.raises(BadChannel, match="more than 64 files in a row"):
        office.repository().metadata("models")


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
