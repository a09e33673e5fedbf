"""Where each key of a TOML text stands.

The standard parser gives values without lines, and an error that cannot name its line sends people searching. The
text is cut into its statements (a header, or a key with its value, however many lines that takes) by asking the
parser itself when a statement is complete, so quoting, dotted keys and multi-line values follow TOML's own rules.
"""

import tomllib
from collections.abc import Iterator
from typing import Any

KeyPath = tuple[str, ...]


def statement_lines(text: str) -> dict[KeyPath, int]:
    """The 1-based line of every table and key; an element of an array of tables has its index as a path part."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    elements: dict[KeyPath, int] = {}
    for number, statement in _statements(text):
        if statement.lstrip().startswith("["):
            table = _table_path(statement, elements)
            for end in range(1, len(table) + 1):
                lines.setdefault(table[:end], number)
        else:
            for path in _paths(tomllib.loads(statement)):
                lines.setdefault(table + path, number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement with the line it starts on. The text as a whole has been parsed before, so each one ends."""
    collected: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not collected and (not line.strip() or line.lstrip().startswith("#")):
            continue
        start = start if collected else number
        collected.append(line)
        statement = "\n".join(collected)
        if _complete(statement):
            yield start, statement
            collected = []


def _complete(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _table_path(header: str, elements: dict[KeyPath, int]) -> KeyPath:
    """The path a header opens, with indexes where it passes through an array of tables."""
    names = _names(tomllib.loads(header))
    path: KeyPath = ()
    for position, name in enumerate(names, start=1):
        path = (*path, name)
        if position == len(names) and header.lstrip().startswith("[["):
            elements[path] = elements.get(path, -1) + 1
        if path in elements:
            path = (*path, str(elements[path]))
    return path


def _names(parsed: dict[str, Any]) -> list[str]:
    """The names along the only branch of what a header parses to."""
    names: list[str] = []
    level: Any = parsed
    while level:
        if isinstance(level, list):
            level = level[0]
            continue
        name, level = next(iter(level.items()))
        names.append(name)
    return names


def _paths(parsed: dict[str, Any], above: KeyPath = ()) -> Iterator[KeyPath]:
    """Every key path inside one statement: the key, and what an inline table or a dotted key holds."""
    for name, value in parsed.items():
        path = (*above, name)
        yield path
        if isinstance(value, dict):
            yield from _paths(value, path)


def leaves(table: dict[str, Any], above: KeyPath = ()) -> Iterator[KeyPath]:
    """The paths of everything in a table that is not a table."""
    for name, value in table.items():
        path = (*above, name)
        if isinstance(value, dict):
            yield from leaves(value, path)
        else:
            yield path
