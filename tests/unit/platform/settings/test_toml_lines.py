"""The line of every key, checked against the standard parser's view of the same text."""

import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.platform.settings.toml_lines import statement_lines

TEXT = '''\
# a comment
top = 1
[x.y]
b = """
[not-a-table]
c = 2
"""
c.d = {e = 1, f = [1,
  2]}
"quoted key" = "[z]"

[[k]]
n = 1
[[k]]
n = 2
[k.inner]
q = 1
'''


def test_each_key_has_the_line_it_starts_on() -> None:
    lines = statement_lines(TEXT)
    assert lines["top",] == 2
    assert lines["x", "y"] == 3
    assert lines["x", "y", "b"] == 4
    assert lines["x", "y", "c", "d", "f"] == 8
    assert lines["x", "y", "quoted key"] == 10
    assert lines["k", "1", "n"] == 15
    assert lines["k", "1", "inner", "q"] == 17


def test_text_inside_a_string_is_no_key() -> None:
    assert not any("not-a-table" in path for path in statement_lines(TEXT))


def test_every_key_of_the_projects_own_file_is_found() -> None:
    text = (Path(__file__).parents[4] / "slipway.toml").read_text()
    assert set(_paths(tomllib.loads(text), ())) <= set(statement_lines(text))


NAMES = st.text("abc-_", min_size=1, max_size=4)
TABLES = st.dictionaries(NAMES, st.dictionaries(NAMES, st.integers() | st.just("a\\nb [x]")), max_size=5)


@given(TABLES)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_every_key_is_found_on_a_line_that_names_it(tables: dict[str, dict[str, Any]]) -> None:
    text = "".join(
        f"\n[{table}]\n" + "".join(f"{key} = {value!r}\n" for key, value in keys.items())
        for table, keys in tables.items()
    )
    rows = text.splitlines()
    for path, line in statement_lines(text).items():
        assert rows[line - 1].lstrip("[").startswith(path[-1])
    assert set(_paths(tomllib.loads(text), ())) == set(statement_lines(text))


def _paths(table: dict[str, Any], above: tuple[str, ...]) -> list[tuple[str, ...]]:
    found = []
    for name, value in table.items():
        found.append((*above, name))
        if isinstance(value, dict):
            found += _paths(value, (*above, name))
    return found
