"""Does each member declare what it imports, and import what it declares?

deptry compares the imports with the pyproject, distribution by distribution; this adds what it cannot see, that
`slipway.platform` comes from slipway-platform. Exceptions stand below, each with its reason, and only shrink: an entry
that is no longer needed fails.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workspace import MEMBERS, ROOT

UNUSED = "DEP002"
Exceptions = Mapping[str, Mapping[str, str]]

# Declared, and imported nowhere: what each is for.
NOT_IMPORTED: Exceptions = {
    "training": {
        "onnxscript": "used by torch's exporter",
        "torchmetrics": "metrics",
    },
    "serving": {
        "psycopg2-binary": "what SQLAlchemy reaches PostgreSQL with",
        "tensorrt-rtx-cu12-bindings": "engines; imported by a name that is injected",
        "tensorrt-rtx-cu12-libs": "the libraries behind the bindings",
    },
    "pipelines": {
        "apache-airflow": "brings the distributions whose modules are called airflow",
        "slipway-training": "run as a command by a launcher, never imported",
    },
}

# Imported, and declared only by what is declared.
THROUGH_OTHERS: Exceptions = {
    "platform": {
        "botocore": "boto3 pins it, and its errors and settings are boto3's own",
        "torch": "boot.py runs in a training's process, to which slipway-training brings it",
        "pydantic_core": "pydantic pins it exactly, and its errors and undefined value are pydantic's own",
        "urllib3": "the Kubernetes client raises its errors, and chooses its version",
    },
    "serving": {
        "cryptography": "securesystemslib[crypto] brings it, and its keys are cryptography's own",
        "pydantic_core": "pydantic pins it exactly, and its errors and undefined value are pydantic's own",
        "rich": "slipway-platform brings it, whose command line shows with it",
        "yaml": "slipway-platform brings it, whose files it reads and writes",
        "starlette": "fastapi pins it, and its requests and answers are starlette's own",
    },
    "pipelines": {
        "httpx": "slipway-platform brings it, whose servers it asks",
        "psutil": "slipway-platform brings it, which looks at processes with it",
        "pydantic": "slipway-platform brings it, whose records are its models",
        "rich": "slipway-platform brings it, whose command line shows with it",
    },
}

# Not installed here, so the module's name cannot be looked up.
MODULES = "tensorrt-rtx-cu12-bindings=tensorrt_rtx,tensorrt-rtx-cu12-libs=tensorrt_rtx_libs"


@dataclass(frozen=True)
class Issue:
    """One finding of deptry: a code, the distribution or module, and where it was found."""

    code: str
    module: str
    text: str


def deptry(folder: Path) -> list[Issue]:
    """Run deptry on one member, without any exception."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [sys.executable, "-m", "deptry", ".", "--no-ansi", "--known-first-party", "slipway"]
        command += ["--package-module-name-map", MODULES, "--json-output", str(report)]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if not report.exists():
            sys.exit(f"check_dependencies: deptry failed on {folder.name}:\n{result.stderr}")
        return [issue(found) for found in json.loads(report.read_text())]


def issue(found: dict[str, Any]) -> Issue:
    """One entry of deptry's JSON."""
    place = found["location"]
    line = f":{place['line']}" if place["line"] else ""
    return Issue(found["error"]["code"], found["module"], f"{place['file']}{line}: {found['error']['message']}")


def members_imported(folder: Path) -> set[str]:
    """The distributions of this workspace that a member's code imports, its own aside."""
    pattern = re.compile(r"^\s*(?:from|import) slipway\.(\w+)", flags=re.MULTILINE)
    names = {name for path in folder.rglob("*.py") for name in pattern.findall(path.read_text())}
    return {f"slipway-{name}" for name in names - {folder.name}}


def members_declared(issues: list[Issue]) -> set[str]:
    """The same as declared: deptry sees every one of them as unused."""
    return {issue.module for issue in issues if issue.code == UNUSED and issue.module.startswith("slipway-")}


def judge(member: str, issues: list[Issue], imported: set[str], unused: Exceptions, through: Exceptions) -> list[str]:
    """What is wrong in one member, a sentence each."""
    real = [one for one in issues if not (one.code == UNUSED and one.module in imported)]
    idle = {one.module for one in real if one.code == UNUSED}
    lent = {one.module for one in real if one.code != UNUSED}
    excused = {UNUSED: unused.get(member, {})}
    borrowed = through.get(member, {})
    problems = [f"{member}/{one.text}" for one in real if one.module not in excused.get(one.code, borrowed)]
    problems += [
        f"{member} imports {name.replace('-', '.')} and does not declare {name}."
        for name in sorted(imported - members_declared(issues))
    ]
    problems += [
        f"NOT_IMPORTED lists {name} for {member}, which is imported now or no longer declared. Remove the entry."
        for name in sorted(excused[UNUSED].keys() - idle)
    ]
    return problems + [
        f"THROUGH_OTHERS lists {name} for {member}, which is declared now or no longer imported. Remove the entry."
        for name in sorted(borrowed.keys() - lent)
    ]


def main() -> int:
    """Print the problems of all members; 1 if there are any."""
    problems = []
    for member in MEMBERS:
        folder = ROOT / member
        problems += judge(member, deptry(folder), members_imported(folder), NOT_IMPORTED, THROUGH_OTHERS)
    for problem in problems:
        print(f"check_dependencies: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
