"""Importing Lightning and pyarrow without what a training never uses.

Lightning's import takes seconds, nearly all of them for plots and statistics of torchmetrics (matplotlib, scipy) and
for torch's compiler, of which it wants one class to compare with. pyarrow loads pandas when it first makes an array, to
know a pandas array when it meets one. While both are imported, those libraries are not there and the compiler is a
stand-in; afterwards everything can be imported as always, by a model's own code too. What was imported before stays.

What stays different for the life of the process: torchmetrics draws no plots, Lightning does not know a compiled module
when it sees one, and pyarrow takes a pandas array for any other sequence.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import Any, Final

COMPILER: Final = "torch._dynamo"
ABSENT: Final = ("matplotlib", "pandas", "scipy")


def import_libraries() -> None:
    """Import them lightly, once; whoever imports them after that gets these."""
    import torch  # noqa: F401 - it must be whole before its compiler has a stand-in

    with _compiler_stands_in(), _absent():
        import pyarrow as pa
        import pytorch_lightning  # noqa: F401

        pa.array([""])  # it looks for pandas once


@contextmanager
def _compiler_stands_in() -> Iterator[None]:
    if COMPILER in sys.modules:
        yield
        return
    sys.modules[COMPILER] = _Compiler(COMPILER)
    try:
        yield
    finally:
        del sys.modules[COMPILER]


class _Compiler(ModuleType):
    """As much of torch's compiler as Lightning looks at."""

    class OptimizedModule:
        """No module is one of these."""

    @staticmethod
    def disable(function: Callable[..., Any], *_: object, **__: object) -> Callable[..., Any]:
        """What is not compiled needs no exception from it."""
        return function


@contextmanager
def _absent() -> Iterator[None]:
    """Let some libraries look as if they were not installed, unless they are loaded already."""
    hidden = _Hidden([name for name in ABSENT if name not in sys.modules], metadata.version)
    metadata.version = hidden.version  # type: ignore[assignment]  # another name of its argument
    sys.meta_path.insert(0, hidden)
    try:
        yield
    finally:
        sys.meta_path.remove(hidden)
        metadata.version = hidden.installed  # type: ignore[assignment]


@dataclass(frozen=True)
class _Hidden:
    """Says of some libraries that they are not there."""

    names: Sequence[str]
    installed: Callable[[str], str]

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002 - the protocol's
        """A finder's question."""
        if name in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    def version(self, name: str) -> str:
        """The version of an installed library."""
        if name in self.names:
            raise metadata.PackageNotFoundError(name)
        return self.installed(name)
