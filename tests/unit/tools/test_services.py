"""Where `make test-services` finds PostgreSQL, and what it says where there is none."""

import os
from pathlib import Path

import pytest

import services


def installed(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch(0o700)
    return folder


def test_what_is_on_the_path_is_taken(tmp_path: Path) -> None:
    here = installed(tmp_path / "here", *services.PROGRAMS)
    other = installed(tmp_path / "postgresql/16/bin", *services.PROGRAMS)
    assert services.programs(str(here), [other]) == str(here)


def test_else_the_newest_place_with_all_programs(tmp_path: Path) -> None:
    old, new = (installed(tmp_path / f"postgresql/{one}/bin", *services.PROGRAMS) for one in (9, 16))
    half = installed(tmp_path / "postgresql/17/bin", "psql")
    path = services.programs("/none", [old, half, new])
    assert path.split(os.pathsep) == [str(new), "/none"]


def test_where_there_is_none_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(services, "places", list)
    with pytest.raises(SystemExit) as ended:
        services.main([])
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert "no PostgreSQL here: initdb, postgres" in told
    assert "apt-get install postgresql" in told
