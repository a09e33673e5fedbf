"""`make test-services`: the tests that need a PostgreSQL and an S3 server, on ones that this machine starts.

The S3 server is moto's, which every set-up has. PostgreSQL's programs are looked for on the path, then where systems
put them; nothing is installed, and an own server on this machine is left alone. Arguments go to pytest.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from workspace import ROOT

PROGRAMS: Final = ("initdb", "postgres", "createdb", "pg_dump", "psql")
PLACES: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
TESTS: Final = ("tests/services", "tests/unit/serving/fleet/test_store.py", "tests/unit/pipelines/backup")
"""The last two have cases that are left out where there is no PostgreSQL."""
INSTALL: Final = "Install it (Debian: apt-get install postgresql), or put the folder of its programs on the path."


class NoPostgresql(Exception):
    """There is none; the message says what to do."""


def programs(path: str, places: Iterable[Path]) -> str:
    """A path on which all of them are: this one, else with the newest of the places before it."""
    if all(shutil.which(name, path=path) for name in PROGRAMS):
        return path
    for folder in sorted(places, key=_version, reverse=True):
        widened = f"{folder}{os.pathsep}{path}"
        if all(shutil.which(name, path=widened) for name in PROGRAMS):
            return widened
    missing = ", ".join(name for name in PROGRAMS if not shutil.which(name, path=path))
    raise NoPostgresql(f"no PostgreSQL here: {missing} not found on the path or in {', '.join(PLACES)}.")


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", str(folder)))


def places() -> list[Path]:
    """Where systems put them, as far as it is there."""
    return [path for pattern in PLACES for path in Path("/").glob(pattern.removeprefix("/"))]


def main(arguments: Sequence[str]) -> NoReturn:
    """Become pytest, so that Ctrl-C reaches what ends the servers; exit with 1 where there is nothing to run on."""
    try:
        path = programs(os.environ.get("PATH", ""), places())
    except NoPostgresql as failure:
        print(f"test-services: {failure}\n{INSTALL}", file=sys.stderr)
        sys.exit(1)
    print(
        f"test-services: PostgreSQL of {Path(shutil.which('postgres', path=path) or '').resolve().parent}", flush=True
    )
    command = [sys.executable, "-m", "pytest", "-m", "not soak", *TESTS, *arguments]
    os.chdir(ROOT)
    os.execve(sys.executable, command, {**os.environ, "PATH": path})  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
