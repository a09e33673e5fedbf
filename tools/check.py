"""`make check`: every check in turn, the quick ones first, until one fails.

`make check ONLY=mypy` runs one of them; on a failure the last lines say which it was, how to run it alone and, where a
command can mend it, which.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from workspace import ROOT, VENV


@dataclass(frozen=True)
class Check:
    """A named command; `mend` is the command that repairs what it complains of, if one does."""

    name: str
    command: tuple[str, ...]
    mend: str | None = None

    def line(self) -> str:
        """The command as a person would type it."""
        return " ".join([f".venv/bin/{self.command[0]}", *self.command[1:]])


CHECKS = (
    Check("ruff", ("ruff", "check", "--quiet", "--output-format=concise"), mend="make format"),
    Check("format", ("ruff", "format", "--check", "--quiet"), mend="make format"),
    Check("modules", ("python", "tools/check_modules.py")),
    Check("device-syntax", ("python", "tools/check_device_syntax.py")),
    Check("dags", ("python", "tools/check_dags.py")),
    Check("imports", ("lint-imports", "--no-logo")),
    Check("dependencies", ("python", "tools/check_dependencies.py")),
    Check("mypy", ("mypy", "--no-error-summary")),
    Check("mypy-device", ("mypy", "--no-error-summary", "--config-file", "serving/pyproject.toml")),
    Check("locks", ("python", "tools/check_locks.py"), mend="make lock, then make setup"),
    Check("infra", ("python", "tools/check_infra.py")),
    Check("docs", ("mkdocs", "build", "--strict", "--quiet")),
)


def run(check: Check) -> int:
    """Run one check, with its command shown before and its time after."""
    print(f"check {check.name}: {check.line()}", flush=True)
    started = time.monotonic()
    environment = {**os.environ, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    program = str(VENV / "bin" / check.command[0])
    code = subprocess.run([program, *check.command[1:]], cwd=ROOT, env=environment, check=False).returncode
    print(f"check {check.name}: {'FAILED' if code else 'ok'} in {time.monotonic() - started:.1f} s", flush=True)
    return code


def main() -> int:
    """Run all checks, or the named ones; stop at the first failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [check.name for check in CHECKS]
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"one of: {', '.join(names)}")
    only = parser.parse_args().only
    if unknown := set(only) - set(names):
        parser.error(f"no check is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    for check in CHECKS:
        if (not only or check.name in only) and run(check):
            print(f"\ncheck: `{check.name}` failed. Alone: make check ONLY={check.name}")
            if check.mend:
                print(f"check: to mend it: {check.mend}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
