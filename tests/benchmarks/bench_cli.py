"""How long `slipway --help` takes to answer, against loading the two libraries that it is made of.

Both are child processes, started as a shell would start them.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import Pair

PROGRAMS = Path(sys.executable).parent


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """The one pair."""
    yield [
        Pair(
            name="slipway --help, against importing typer and rich.console",
            ours=lambda: child(PROGRAMS / "slipway", "--help"),
            reference=lambda: child(sys.executable, "-c", "import typer, rich.console"),
            unit="ms",
            goal=2.5,
        )
    ]


def child(*command: object) -> None:
    """Start a process and wait for it."""
    subprocess.run([str(part) for part in command], stdout=subprocess.DEVNULL, check=True)
