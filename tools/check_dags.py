"""Do DAG files only wire?

Airflow parses them again and again, so an import that takes seconds there is paid for all day. A DAG file imports the
standard library, Airflow and `slipway.pipelines`, wherever in the file the import stands; everything else belongs into
a step.
"""

import ast
import sys
from pathlib import Path

from workspace import ROOT

ALLOWED = ("airflow", "slipway.pipelines")


def imported(source: str) -> list[tuple[int, str]]:
    """Line and full name of every import of a file; a relative one starts with a dot."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found += [(node.lineno, f"{module}.{alias.name}") for alias in node.names]
    return sorted(found)


def allowed(name: str) -> bool:
    """Whether a DAG file may import it."""
    if name.partition(".")[0] in sys.stdlib_module_names:
        return True
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in ALLOWED)


def check(folder: Path) -> list[str]:
    """One sentence for each forbidden import under the folder."""
    problems = []
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder.parent).as_posix()
        problems += [
            f"{name}:{line}: imports {found}. A DAG file imports airflow and slipway.pipelines; "
            "move the work into a step there."
            for line, found in imported(path.read_text())
            if not allowed(found)
        ]
    return problems


def main() -> int:
    """Print the problems; 1 if there are any."""
    problems = check(ROOT / "dags")
    for problem in problems:
        print(f"check_dags: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
