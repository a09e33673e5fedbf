"""Suites are read strictly: what is wrong is named with file, line and what was probably meant."""

import subprocess
import sys
from pathlib import Path

import pytest

from slipway.platform.data.validation.errors import BadSuite
from slipway.platform.data.validation.suite import general_suite, read_suite, suites_digest
from slipway.platform.data.validation.verdict import Severity

GOOD = """\
- expectation: expect_column_values_to_not_be_null
  table: index
  severity: warning
  kwargs: {column: camera}
  note: Every image is from a camera.
- expectation: expect_no_identity_leakage
  table: identity_splits
"""

REFUSED = {
    "unknown key": (GOOD.replace("note:", "remark:"), "line 5: `remark` is unknown", "note"),
    "unknown expectation": (GOOD.replace("not_be_null", "not_be_nul"), "line 1: `expect_column", "not_be_null`?"),
    "unknown expectation of ours": (
        GOOD.replace("leakage", "leekage"),
        "line 6: `expect_no_identity_leekage`",
        "leakage",
    ),
    "unknown table": (GOOD.replace("table: index", "table: indes"), "line 1: `indes` is no table", "index"),
    "another table": (GOOD.replace("identity_splits", "index"), "looks at `identity_splits`", "table: identity_splits"),
    "unknown column": (GOOD.replace("camera}", "cmaera}"), "`cmaera` is no column of index", "camera"),
    "unknown argument": (GOOD.replace("column: camera", "colunm: camera"), "`colunm` is no argument", "column"),
    "missing argument": (GOOD.replace("{column: camera}", "{mostly: 0.9}"), "needs `column`", "kwargs"),
    "unknown severity": (GOOD.replace("warning", "fatal"), "line 3: severity", None),
    "value of ours": (GOOD + "  kwargs: {mostly: 3}\n", "line 6: expect_no_identity_leakage: mostly", None),
    "missing table": (GOOD.replace("  table: index\n", ""), "line 1: table: Field required", None),
    "key twice": (
        GOOD.replace("  table: index\n", "  table: index\n  table: boxes\n"),
        "`table` stands there twice",
        None,
    ),
    "no list": ("expectation: expect_x\n", "a list of expectations was expected", "Begin each"),
    "empty": ("", "a list of expectations was expected", None),
    "a string in the list": ("- expect_x\n", "line 1: a mapping", "Write"),
    "no YAML": ("- expectation: [\n", "line 2:", None),
    "a tag": (GOOD.replace("{column: camera}", "!!python/object:os.system {}"), "line 1:", None),
    "no text": ("\udcff\udcfe", "is no text in UTF-8", None),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "vehicle_reid"
    folder.mkdir()
    return folder / "expectations.yaml"


def test_a_suite_is_called_after_its_folder_or_file(path: Path) -> None:
    path.write_text(GOOD)
    suite = read_suite(path)
    assert suite.name == "vehicle_reid"
    assert [one.severity for one in suite.expectations] == [Severity.WARNING, Severity.BLOCKING]
    assert read_suite(path.rename(path.with_name("crops.expectations.yaml"))).name == "crops"


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_is_wrong_is_refused(case: str, path: Path) -> None:
    text, told, mend = REFUSED[case]
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BadSuite) as caught:
        read_suite(path)
    assert str(path) in str(caught.value)
    assert told in str(caught.value)
    assert mend is None or mend in (caught.value.mend or "")


def test_a_missing_file_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(BadSuite, match="No such file"):
        read_suite(tmp_path / "nowhere.yaml")


def test_slices_of_any_name_may_be_asked_for(path: Path) -> None:
    path.write_text(GOOD.replace("camera}", "slice_rain}"))
    assert read_suite(path).expectations[0].kwargs == {"column": "slice_rain"}


def test_the_digest_is_of_what_is_said_and_not_of_where(path: Path, tmp_path: Path) -> None:
    path.write_text(GOOD)
    first = suites_digest([read_suite(path)])
    other = tmp_path / "elsewhere" / "vehicle_reid"
    other.mkdir(parents=True)
    (other / "expectations.yaml").write_text(f"# the same\n{GOOD}")
    assert suites_digest([read_suite(other / "expectations.yaml")]) == first
    path.write_text(GOOD.replace("warning", "blocking"))
    assert suites_digest([read_suite(path)]) != first


def test_the_general_suite_is_package_data_that_a_wheel_holds() -> None:
    suite = general_suite()
    assert suite.name == "snapshot"
    assert {one.severity for one in suite.expectations} == set(Severity)


def test_the_parent_loads_neither_the_library_nor_pandas() -> None:
    program = (
        "import sys, slipway.platform.data.validation.records as r, slipway.platform.data.validation.suite as v;"
        "r, v.general_suite();"
        "import slipway.platform.cli.data.validate;"
        "print(sorted({'great_expectations', 'pandas', 'torch', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
