"""Declared against imported, with exceptions that only shrink."""

from pathlib import Path

from check_dependencies import UNUSED, Issue, judge, members_imported

IDLE = Issue(UNUSED, "dvc", "pyproject.toml: 'dvc' defined as a dependency but not used in the codebase")
LENT = Issue("DEP003", "botocore", "slipway/platform/store/s3.py:26: 'botocore' imported but it is transitive")
OURS = Issue(UNUSED, "slipway-platform", "pyproject.toml: 'slipway-platform' defined but not used")


def test_what_deptry_finds_is_told_with_the_member() -> None:
    problems = judge("platform", [IDLE, LENT], set(), {}, {})
    assert problems == [f"platform/{IDLE.text}", f"platform/{LENT.text}"]


def test_exceptions_with_a_reason_are_silent() -> None:
    unused = {"platform": {"dvc": "snapshots"}}
    through = {"platform": {"botocore": "boto3's own"}}
    assert judge("platform", [IDLE, LENT], set(), unused, through) == []


def test_an_exception_that_is_no_longer_needed_is_told() -> None:
    unused = {"platform": {"dvc": "snapshots"}}
    through = {"platform": {"botocore": "boto3's own"}}
    problems = judge("platform", [], set(), unused, through)
    assert ["NOT_IMPORTED lists dvc" in problems[0], "THROUGH_OTHERS lists botocore" in problems[1]] == [True, True]


def test_an_import_of_another_member_must_be_declared() -> None:
    assert judge("training", [OURS], {"slipway-platform"}, {}, {}) == []
    (undeclared,) = judge("training", [], {"slipway-platform"}, {}, {})
    assert undeclared == "training imports slipway.platform and does not declare slipway-platform."


def test_the_imports_of_a_member_are_read_from_its_code(tmp_path: Path) -> None:
    package = tmp_path / "training" / "slipway" / "training"
    package.mkdir(parents=True)
    (package / "a.py").write_text("from slipway.platform.store import open_store\nimport slipway.training.b\n")
    (package / "b.py").write_text("def late():\n    from slipway.serving import bundle\n")
    assert members_imported(tmp_path / "training") == {"slipway-platform", "slipway-serving"}
