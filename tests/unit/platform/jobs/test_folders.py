"""A script's folder of checkpoints: when it counts as complete, and what is given back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.platform.jobs.runner.folders import RESTLESS, Folder, given_back

ENTRIES = [("state.pt",), ("epoch-9/state.pt", "epoch-10/state.pt"), ("model.pt", "more/optimizer.pt")]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A script's folder."""
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def write(path: Path, text: str = "x") -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def packs(folder: Folder, place: Path, *, last: bool = False, killed: bool = False) -> bool:
    """Whether the folder has something that is carried now."""
    if not folder.pack(place.parent / "packed.tar", last=last, killed=killed):
        return False
    folder.carried()
    return True


@pytest.mark.parametrize("files", ENTRIES)
def test_what_is_there_at_two_looks_is_packed_once_and_given_back_with_the_last_entry(
    place: Path, tmp_path: Path, files: tuple[str, ...]
) -> None:
    folder = Folder(place, os.getpid())
    for number, name in enumerate(files):
        write(place / name, name)
        os.utime(place / name, (number, number))
    assert [packs(folder, place) for _ in range(3)] == [False, True, False]
    entry = given_back(tmp_path / "packed.tar", tmp_path / "back")
    assert entry == tmp_path / "back" / files[-1].partition("/")[0]
    assert {name: (tmp_path / "back" / name).read_text() for name in files} == {name: name for name in files}


def test_a_file_that_is_open_for_writing_or_has_a_name_of_its_own_for_it_waits(place: Path) -> None:
    folder = Folder(place, os.getpid())
    write(place / "state.pt.tmp")
    write(place / ".state.pt.1")
    with (place / "state.pt").open("w") as file:
        file.write("half")
        file.flush()
        assert not any(packs(folder, place) for _ in range(RESTLESS + 2))
    assert [packs(folder, place) for _ in range(2)] == [False, True]


def test_a_folder_that_never_stands_still_is_carried_now_and_then(place: Path) -> None:
    folder = Folder(place, os.getpid())
    carried = 0
    for number in range(3 * RESTLESS):
        write(place / "state.pt", "x" * number)
        carried += packs(folder, place)
    assert carried == 3


@pytest.mark.parametrize("killed", [True, False])
def test_at_the_end_what_changed_last_counts_unless_its_process_was_killed(place: Path, killed: bool) -> None:
    folder = Folder(place, os.getpid())
    write(place / "state.pt", "first")
    assert [packs(folder, place) for _ in range(2)] == [False, True]
    write(place / "state.pt", "second one")
    assert packs(folder, place, last=True, killed=killed) is not killed


def test_of_a_process_that_has_just_ended_nobody_knows_what_it_was_writing(place: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    folder = Folder(place, process.pid)
    write(place / "state.pt", "half")
    assert not any(packs(folder, place) for _ in range(2)), "it has ended, and is not taken from the table"
    process.wait()
    assert not any(packs(folder, place) for _ in range(2))
    assert not packs(folder, place, last=True, killed=True)


def test_links_count_only_inside_the_folder(place: Path, tmp_path: Path) -> None:
    folder = Folder(place, os.getpid())
    write(place / "state-1.pt", "one")
    (place / "latest").symlink_to("state-1.pt")
    (place / "absolute").symlink_to(place / "state-1.pt")
    (place / "outside").symlink_to("../secret")
    assert [packs(folder, place) for _ in range(2)] == [False, True]
    given_back(tmp_path / "packed.tar", tmp_path / "back")
    assert sorted(one.name for one in (tmp_path / "back").iterdir()) == ["latest", "state-1.pt"]
    assert (tmp_path / "back" / "latest").read_text() == "one"
