"""The length rule, its shrinking list, and where an `__init__.py` must not be."""

from pathlib import Path

from check_modules import LIMIT, check, misplaced, too_long


def test_a_module_over_the_limit_is_named_with_its_length() -> None:
    (problem,) = too_long({"tools/a.py": LIMIT + 1, "tools/b.py": LIMIT}, {})
    assert problem.startswith(f"tools/a.py has {LIMIT + 1} lines, {LIMIT} are allowed")


def test_an_exception_allows_its_length_and_no_more() -> None:
    assert too_long({"tools/a.py": 450}, {"tools/a.py": 450}) == []
    (problem,) = too_long({"tools/a.py": 451}, {"tools/a.py": 450})
    assert "451 lines, 450 are allowed" in problem


def test_an_exception_only_shrinks() -> None:
    (lower,) = too_long({"tools/a.py": 420}, {"tools/a.py": 450})
    (short,) = too_long({"tools/a.py": 200}, {"tools/a.py": 450})
    (gone,) = too_long({}, {"tools/a.py": 450})
    assert "Lower the entry" in lower
    assert "Remove the entry" in short
    assert "does not exist" in gone


def test_an_init_file_is_refused_where_it_breaks_imports() -> None:
    wrong = ["platform/__init__.py", "training/slipway/__init__.py", "tests/unit/__init__.py", "tests/__init__.py"]
    right = ["platform/slipway/platform/__init__.py", "platform/slipway/platform/store/__init__.py", "tools/setup.py"]
    assert [problem.partition(":")[0] for problem in misplaced(wrong + right)] == wrong


def test_a_tree_is_read_with_all_its_folders(tmp_path: Path) -> None:
    for name in ("dags/flow.py", "serving/slipway/serving/long.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n" * (LIMIT + 1))
    assert len(check(tmp_path, {})) == 2
