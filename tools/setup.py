"""Make the development environment `.venv` with nothing but Python 3.11 and a package client.

Steps: a virtual environment, uv at its pinned version, every pin of requirements.lock (bytecode compiled: the first
start of everything is four times faster), then the four members as editables. A stamp written last names the folder
and the inputs; with it in place the Makefile does not even start this file. An environment that was complete once is
brought up to date where it stands; one that an interruption left half made is made anew.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from progress import step
from workspace import LOCK, MEMBERS, ROOT, VENV, package_client_environment, uv_environment

NETWORK = (
    "Is the package index reachable (`pip download six`)? Is there 4 GB of free disk (`df -h .`)? "
    "Then run `make setup` again."
)


class SetupFailed(Exception):
    """A step went wrong; the message says what to do."""


def pinned(name: str) -> str:
    """The `name==version` line of the lock."""
    match = re.search(rf"^{re.escape(name)}==\S+$", LOCK.read_text(), flags=re.MULTILINE)
    if match is None:
        raise SetupFailed(f"requirements.lock has no pin for {name}. Run `make lock`.")
    return match.group(0)


def run(command: list[str], mend: str) -> None:
    """Run one command with the package client's settings; say what mends it when it fails."""
    result = subprocess.run(command, cwd=ROOT, env={**uv_environment(), "VIRTUAL_ENV": str(VENV)}, check=False)
    if result.returncode:
        raise SetupFailed(f"`{' '.join(command[1:6])} ...` ended with {result.returncode}.\n{mend}")


def torch_backend() -> list[str]:
    """Ask uv for the build that fits this machine (CPU without a GPU), unless a folder of wheels decides that."""
    configured = "UV_FIND_LINKS" in os.environ or "UV_FIND_LINKS" in package_client_environment()
    return [] if configured else ["--torch-backend", "auto"]


def install(*, keep: bool) -> None:
    """The four steps, each of which can be repeated after an interruption."""
    python = str(VENV / "bin" / "python")
    with step(f"[1/4] virtual environment in .venv{', brought up to date' if keep else ''}"):
        if not keep:
            run(
                [sys.executable, "-m", "venv", "--clear", str(VENV)],
                "On Debian and Ubuntu the venv module is a package of its own: apt-get install python3.11-venv",
            )
    with step(f"[2/4] {pinned('uv')}"):
        run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", pinned("uv")], NETWORK)
    uv = [python, "-m", "uv", "pip", "install", "--python", python]
    with step(f"[3/4] {len(LOCK.read_text().splitlines())} packages of requirements.lock, with bytecode"):
        run([*uv, "--compile-bytecode", *torch_backend(), "-r", str(LOCK)], NETWORK)
    with step(f"[4/4] the members: {', '.join(f'slipway-{name}' for name in MEMBERS)}"):
        editables = [argument for name in MEMBERS for argument in ("-e", f"./{name}")]
        run([*uv, "--no-deps", "--no-build-isolation", *editables], "Is a member's pyproject.toml valid?")


def main() -> int:
    """Set up, then write the stamp whose path is the only argument."""
    stamp = Path(sys.argv[1])
    if sys.version_info[:2] != (3, 11):
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"setup: Python 3.11 is needed, this is {found}. Install it, or: make setup PYTHON=/path/to/python3.11")
        return 2
    keep = stamp.exists()
    stamp.unlink(missing_ok=True)
    try:
        install(keep=keep)
    except SetupFailed as failure:
        print(f"setup: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; `make setup` starts again.", file=sys.stderr)
        return 130
    stamp.write_text(f"{ROOT}\n")
    print("setup: ready. `make help` lists what to do next.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
