"""The code of a run: which files it is, and that it is the same wherever they lie."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.runs.code.closure import Code, Roots, closure
from slipway.platform.runs.code.imports import Import, mentions

MODEL = "trainer/acme/training/models/bird"
EXPECTED = [
    "acme/base/__init__.py",
    "acme/base/deep/__init__.py",
    "acme/base/deep/inner.py",
    "acme/base/steps.py",
    "acme/training/__init__.py",
    "acme/training/late.py",
    "acme/training/main.py",
    "acme/training/models/__init__.py",
    "acme/training/models/bird/__init__.py",
    "acme/training/models/bird/conf/config.yaml",
    "acme/training/models/bird/network.py",
    "acme/training/models/bird/task.py",
    "acme/training/models/shared/__init__.py",
    "acme/training/models/shared/heads.py",
    "acme/training/table.json",
]

CodeOf = Callable[[Path], Code]


def paths(code: Code) -> list[str]:
    return [file.path for file in code.files]


def test_it_is_the_import_closure_the_models_folder_and_the_files_that_modules_name(
    tree: Path, code_of: CodeOf
) -> None:
    assert paths(code_of(tree)) == EXPECTED


def test_nothing_is_run_to_find_it(tree: Path, code_of: CodeOf) -> None:
    (tree / MODEL / "task.py").write_text("raise SystemExit('run')\n")
    assert "acme/training/models/bird/task.py" in paths(code_of(tree))


def test_a_clone_a_second_clone_and_a_plain_copy_have_the_same(
    clone: Path, tree: Path, tmp_path: Path, code_of: CodeOf, run_git: Any
) -> None:
    second = tmp_path / "elsewhere" / "deeper"
    run_git(tmp_path, "clone", "--quiet", str(clone), str(second))
    (clone / MODEL / "__pycache__").mkdir()
    (tree / MODEL / "__pycache__").mkdir()
    (tree / MODEL / "__pycache__" / "task.cpython-311.pyc").write_bytes(b"cache")
    assert code_of(clone).digest == code_of(second).digest == code_of(tree).digest


def test_an_installed_copy_in_a_folder_that_git_ignores_has_the_same(clone: Path, tree: Path, code_of: CodeOf) -> None:
    (clone / ".gitignore").write_text(".venv/\n")
    installed = clone / ".venv" / "site-packages"
    shutil.copytree(clone / "base/acme", installed / "acme")
    shutil.copytree(clone / "trainer/acme", installed / "acme", dirs_exist_ok=True)
    merged = Roots({"acme": (installed / "acme",)})
    found = closure(["acme.training.main"], [installed / "acme/training/models/bird"], merged)
    assert found.digest == code_of(tree).digest


def test_our_own_tree_has_the_same_as_a_copy_of_it(tmp_path: Path) -> None:
    here = Roots.installed("slipway")
    for portion in here.packages["slipway"]:
        shutil.copytree(portion, tmp_path / "slipway", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    copied = Roots({"slipway": (tmp_path / "slipway",)})
    entries = ["slipway.platform.runs.workplace", "slipway.platform.runs.parts"]
    assert closure(entries, [], here).digest == closure(entries, [], copied).digest


def test_new_files_count_ignored_and_deleted_ones_do_not(clone: Path, code_of: CodeOf) -> None:
    before = code_of(clone)
    (clone / MODEL / "scratch").mkdir()
    (clone / MODEL / "scratch" / "notes.py").write_text("import acme.base.types\n")
    assert code_of(clone).digest == before.digest
    (clone / MODEL / "losses.py").write_text("")
    assert paths(code_of(clone)) == sorted([*EXPECTED, "acme/training/models/bird/losses.py"])
    (clone / MODEL / "losses.py").unlink()
    (clone / MODEL / "conf/config.yaml").unlink()
    assert paths(code_of(clone)) == [one for one in EXPECTED if not one.endswith("config.yaml")]


@pytest.mark.parametrize(
    "name", [f"{MODEL}/conf/config.yaml", "base/acme/base/deep/inner.py", "trainer/acme/training/table.json"]
)
def test_a_changed_byte_is_other_code(tree: Path, code_of: CodeOf, name: str) -> None:
    before = code_of(tree).digest
    with (tree / name).open("a") as file:
        file.write("\n")
    assert code_of(tree).digest != before


def test_an_executable_bit_is_other_code_and_times_are_not(tree: Path, code_of: CodeOf) -> None:
    before = code_of(tree).digest
    (tree / MODEL / "task.py").touch()
    assert code_of(tree).digest == before
    (tree / MODEL / "task.py").chmod(0o755)
    assert code_of(tree).digest != before


def test_a_change_outside_the_closure_changes_nothing(tree: Path, code_of: CodeOf) -> None:
    before = code_of(tree).digest
    for name in ("unused.py", "unused.json"):
        (tree / "trainer/acme/training" / name).write_text("changed = 1\n")
    (tree / "base/acme/base/types.py").write_text("changed = 1\n")
    assert code_of(tree).digest == before


def test_a_line_that_is_no_python_is_named(tree: Path, code_of: CodeOf) -> None:
    (tree / MODEL / "task.py").write_text("import torch\n\ndef build(:\n")
    with pytest.raises(WrongUse, match=r"task\.py:3: "):
        code_of(tree)


@pytest.mark.parametrize("source", ["x = " + "-" * 50_000 + "1\n", "x = " + "(" * 500 + ")" * 500])
def test_what_is_nested_too_deeply_is_named(tree: Path, code_of: CodeOf, source: str) -> None:
    (tree / MODEL / "task.py").write_text(source)
    with pytest.raises(WrongUse, match=r"task\.py.* nested"):
        code_of(tree)


def test_a_link_to_nothing_in_the_models_folder_is_named(tree: Path, code_of: CodeOf) -> None:
    (tree / MODEL / "weights.bin").symlink_to("/nowhere")
    with pytest.raises(WrongUse, match=r"weights\.bin"):
        code_of(tree)


def test_a_files_name_that_is_no_text_is_told(tree: Path, code_of: CodeOf) -> None:
    (tree / MODEL / os.fsdecode(b"odd\xff.yaml")).write_text("")
    with pytest.raises(WrongUse, match=r"whose name cannot be written as text: 'odd\\udcff\.yaml'"):
        code_of(tree)


def test_a_long_chain_of_choices_is_read_to_its_end() -> None:
    chain = "".join(f"elif x == {number}:\n    import late{number}\n" for number in range(1, 1500))
    source = f"if x == 0:\n    import late0\n{chain}"
    assert len(mentions(source.encode(), "p.q").imports) == 1500


def test_what_is_not_there_is_said(tree: Path) -> None:
    known = Roots({"acme": (tree / "base/acme",)})
    with pytest.raises(WrongUse, match=r"no module `acme\.training\.main`"):
        closure(["acme.training.main"], [], known)
    with pytest.raises(WrongUse, match="lies in none of the packages acme"):
        closure([], [tree / "trainer/acme/training/models/bird"], known)
    with pytest.raises(WrongUse, match="no package `nowhere_to_be_found`"):
        Roots.installed("nowhere_to_be_found")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import a.b.c as d, e", {Import("a.b.c"), Import("e")}),
        ("from . import sibling", {Import("p.q", ("sibling",))}),
        ("from ..x import y as z", {Import("p.x", ("y",))}),
        ("from .... import too_far", set()),
        ("def f():\n    import late", {Import("late")}),
        ("try:\n    import a\nexcept ImportError:\n    import b", {Import("a"), Import("b")}),
        ("if TYPE_CHECKING:\n    import types_only\nelse:\n    import real", {Import("real")}),
        ("if typing.TYPE_CHECKING and X:\n    import types_only", set()),
        ("if not TYPE_CHECKING:\n    import real\nelse:\n    import types_only", {Import("real")}),
        ("import_module('a.b')", set()),
    ],
)
def test_imports_are_read_as_python_means_them(source: str, found: set[Import]) -> None:
    assert mentions(source.encode(), "p.q").imports == found


def test_what_a_star_brings_in_is_followed(tree: Path, code_of: CodeOf) -> None:
    (tree / "base/acme/base/deep/__init__.py").write_text("__all__ = ['extra']\n")
    (tree / "base/acme/base/deep/extra.py").write_text("")
    assert "acme/base/deep/extra.py" not in paths(code_of(tree))
    (tree / MODEL / "network.py").write_text("from acme.base.deep import *\n")
    assert "acme/base/deep/extra.py" in paths(code_of(tree))
