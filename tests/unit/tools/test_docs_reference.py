"""The generated reference pages say everything that there is to say."""

import re
from collections.abc import Callable

import pytest

from docs_reference import EXAMPLE, model_page, settings_page


@pytest.mark.parametrize("page", [model_page, settings_page])
def test_every_name_of_a_schema_has_a_meaning(page: Callable[[], str]) -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert len(rows) > 30
    assert [row for row in rows if row.rstrip("| ").endswith("|") or row.endswith("|  |")] == []


def test_a_table_inside_a_list_or_a_table_has_a_section_of_its_own() -> None:
    page = model_page()
    headings = re.findall(r"^## `(.+)`$", page, re.MULTILINE)
    assert {"devices.NAME", "gates.floors[]", "export.inputs[].preprocessing", "export.dims.NAME"} <= set(headings)
    assert len(set(headings)) == len(headings)
    assert "| `class` | `minimal`, `limited`, `high` | **required** |" in page
    assert "| `batch` | whole number, at least 1 | `1` |" in page
    assert f"\nname: {EXAMPLE}\n" in page
