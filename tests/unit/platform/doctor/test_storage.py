"""What the doctor says about the data remote."""

from pathlib import Path

from slipway.platform.doctor import Status, storage
from slipway.platform.settings import Settings
from slipway.platform.settings.schema import Data


def remote(address: object) -> tuple[Status, str, str]:
    (finding,) = storage.data_remote(Settings(data=Data(remote=str(address))))
    return finding.status, finding.detail, finding.mend or ""


def test_a_directory_that_is_there_or_can_be_made_is_ok(tmp_path: Path) -> None:
    assert remote(tmp_path)[0] is Status.OK
    assert remote(tmp_path / "later/remote")[0] is Status.OK


def test_a_file_in_its_place_is_told_with_the_remotes_own_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, detail, mend = remote(tmp_path / "file")
    assert status is Status.FAILED
    assert detail.startswith("The data remote")
    assert "SLIPWAY_DATA__REMOTE" in mend
    assert "STORE" not in mend


def test_a_place_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert remote(tmp_path / "file/remote")[0] is Status.FAILED


def test_an_address_of_another_kind_is_told_with_the_remotes_own_setting() -> None:
    status, _, mend = remote("ssh://somewhere/data")
    assert status is Status.FAILED
    assert "SLIPWAY_DATA__REMOTE" in mend
