"""The device part keeps to the Python of devices, and its tests can be brought there."""

import sys
from pathlib import Path

import pytest

import check_device_syntax
import device_python


def test_what_is_newer_than_the_devices_python_is_named_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    new = tmp_path / "edge" / "new.py"
    new.write_text("x = 1\ntry:\n    pass\nexcept* OSError:\n    pass\n")
    (tmp_path / "errors.py").write_text("match 1:\n    case _:\n        pass\n")
    (problem,) = check_device_syntax.problems(check_device_syntax.modules(tmp_path))
    assert problem.startswith(f"{new}:")
    assert "Exception groups" in problem
    assert "Python 3.10" in problem


def test_the_device_part_is_not_empty_and_keeps_to_it() -> None:
    found = check_device_syntax.modules(check_device_syntax.FOLDER)
    assert {path.parent.name for path in found} >= {"serving", "bundle", "channel", "runtime", "edge", "agent"}
    assert list(check_device_syntax.problems(found)) == []


def test_tests_that_need_the_platform_stay_here_and_the_others_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device_python.collect(tmp_path)
    said = capsys.readouterr().out
    assert "test_polling.py" not in said
    assert (tmp_path / "tests/unit/serving/edge/test_polling.py").exists()
    there = [path.read_text() for path in (tmp_path / "tests/unit").rglob("test_*.py")]
    assert not any(device_python.NOT_THERE.search(text) for text in there)
    assert "signed_channel" not in "".join(there)
    assert (tmp_path / "tests/conftest.py").read_text().startswith(device_python.LENT)


def test_another_python_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        device_python.main([sys.executable])
    version = ".".join(map(str, sys.version_info[:2]))
    assert f"expected Python 3.10, {sys.executable} is {version}" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        device_python.main(["/nowhere/python"])
    assert "is no Python" in capsys.readouterr().err
