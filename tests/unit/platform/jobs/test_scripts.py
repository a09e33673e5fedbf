"""A script of a person's own becomes named work."""

from pathlib import Path

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.submitting.scripts import Script, code_of_script


def paths(script: Path) -> list[str]:
    return [one.path for one in code_of_script(script).files]


def test_a_script_takes_along_what_it_imports_from_beside_it_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import json\nimport tools\nfrom net.blocks import Block\n")
    (tmp_path / "tools.py").write_text("SHAPES = 'shapes.yaml'\n")
    (tmp_path / "shapes.yaml").write_text("{}")
    (tmp_path / "net").mkdir()
    (tmp_path / "net/blocks.py").write_text("import tools\n")
    (tmp_path / "net/unused.py").write_text("")
    (tmp_path / "notes.py").write_text("")
    assert paths(tmp_path / "train.py") == ["net/blocks.py", "shapes.yaml", "tools.py", "train.py"]


def test_a_script_that_uses_slipway_takes_along_that_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("from slipway.platform.names import suggestion\n")
    assert "slipway/platform/names.py" in paths(tmp_path / "train.py")


def test_where_a_script_lies_does_not_matter_what_it_says_does(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.py").write_text("print(1)\n")
    here, there = (code_of_script(tmp_path / folder / "train.py") for folder in ("here", "there"))
    assert here.digest == there.digest
    (tmp_path / "there/train.py").write_text("print(2)\n")
    assert code_of_script(tmp_path / "there/train.py").digest != here.digest


@pytest.mark.parametrize("name", ["train.sh", "missing.py", "my-train.py"])
def test_what_cannot_be_run_is_refused(tmp_path: Path, name: str) -> None:
    if name != "missing.py":
        (tmp_path / name).write_text("")
    with pytest.raises(WrongUse) as refused:
        code_of_script(tmp_path / name)
    assert refused.value.mend


def test_a_name_is_made_of_the_scripts(tmp_path: Path) -> None:
    assert Script(path=tmp_path / "Train_Big.py").name == "script-train-big"
