"""What one Python module names without being run: the modules that it imports and the files beside it.

Imports in functions count, those under `if TYPE_CHECKING:` do not. An import by name (`import_module("…")`) is not
followed: what a training needs is imported with a statement. A file beside a module counts when its name, or its path
from the module's folder, stands in the module in quotes.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_QUOTED: Final = re.compile(
    rb"""["']([A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*\.[A-Za-z0-9]+)["']"""
)
_BLOCKS: Final = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(frozen=True)
class Import:
    """`import module` without names, `from module import names` with them; the module's name is absolute."""

    module: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mentions:
    """What a module names."""

    imports: frozenset[Import]
    files: frozenset[str]
    """What could be the names of files."""
    exported: tuple[str, ...] = ()
    """What its `__all__` lists, which `from … import *` imports."""


@lru_cache(maxsize=4096)
def mentions(source: bytes, package: str) -> Mentions:
    """What a module says; `package` is what its relative imports start from. A `SyntaxError` passes through."""
    tree = ast.parse(source)
    imports: set[Import] = set()
    for statement in _statements(tree.body):
        if isinstance(statement, ast.Import):
            imports.update(Import(alias.name) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            module = _absolute(statement, package)
            imports |= {Import(module, tuple(alias.name for alias in statement.names))} if module else set()
    files = frozenset(name.decode() for name in _QUOTED.findall(source))
    return Mentions(frozenset(imports), files, tuple(_exported(tree.body)))


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All of them in any order, those inside others too, without what only type checkers see."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        skipped = _types_only(node) if isinstance(node, ast.If) else None
        for block in _BLOCKS:
            inner = getattr(node, block, None)
            if isinstance(inner, list) and block != skipped:
                waiting += inner


def _types_only(node: ast.If) -> str | None:
    """The block of an `if` that no running program enters."""
    if _asks_for_types(node.test):
        return "body"
    if isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
        return "orelse" if _asks_for_types(node.test.operand) else None
    return None


def _asks_for_types(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(_asks_for_types, test.values))
    name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
    return name == "TYPE_CHECKING"


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that is imported from; nothing where it would lie above the topmost package."""
    if node.level == 0:
        return node.module or ""
    parents = package.split(".")
    if node.level > len(parents):
        return ""
    base = parents[: len(parents) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def _exported(body: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in body:
        if not isinstance(statement, ast.Assign):
            continue
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in statement.targets):
            for node in ast.walk(statement.value):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
