"""Is the device part written in the grammar of the Python that devices have?

mypy knows which names Python 3.10 has, ruff what it would not run; this reads every module as that Python does.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from workspace import ROOT

DEVICE_PYTHON = (3, 10)
FOLDER = ROOT / "serving/slipway/serving"
PARTS = ("bundle", "channel", "runtime", "edge")


def modules(folder: Path) -> list[Path]:
    """Every module that goes onto devices."""
    return [*sorted(folder.glob("*.py")), *(path for part in PARTS for path in sorted((folder / part).rglob("*.py")))]


def problems(paths: list[Path]) -> Iterator[str]:
    """What is newer, a sentence each."""
    for path in paths:
        try:
            ast.parse(path.read_bytes(), str(path), feature_version=DEVICE_PYTHON)
        except SyntaxError as error:
            yield f"{path}:{error.lineno}: {error.msg}. Devices have Python {'.'.join(map(str, DEVICE_PYTHON))}."


def main() -> int:
    """Print the problems; 1 if there are any."""
    found = list(problems(modules(FOLDER)))
    for problem in found:
        print(f"check_device_syntax: {problem}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
