"""Where the local stack keeps its state: `.slipway/local/` of the project, for its owner's eyes only."""

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STACK: Final = "SLIPWAY_STACK"
"""Names the stack that a process belongs to. Whatever a component starts inherits it, so it is found again."""
CONTEXT: Final = "SLIPWAY_CONTEXT"
STACKS_CONTEXT: Final = "local"
PASSED: Final = frozenset(
    {
        "HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PYTHONPATH", "SHELL", "TMPDIR", "TZ", "USER",
        "VIRTUAL_ENV",
    }
)  # fmt: skip
PASSED_BEGINNINGS: Final = ("LC_", "CUDA_", "NVIDIA_", "SLIPWAY_")
OWN: Final = frozenset({"SLIPWAY_CONTEXT", "SLIPWAY_HOST", "SLIPWAY_RENDEZVOUS", STACK})
SYSTEM_PATH: Final = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Place:
    """The stack of one project on this machine."""

    root: Path
    """The project's folder."""
    outside: Mapping[str, str]
    """The environment of whoever asks."""

    @property
    def folder(self) -> Path:
        """All state of the stack."""
        return self.root / ".slipway" / "local"

    @property
    def name(self) -> str:
        """What marks its processes."""
        return str(self.folder)

    @property
    def log(self) -> Path:
        """What all components say, each line with its component's name."""
        return self.folder / "stack.log"

    @property
    def python(self) -> str:
        """The interpreter of this environment."""
        return sys.executable

    def program(self, name: str) -> str:
        """A program of this environment."""
        return str(Path(self.python).parent / name)

    def module(self, name: str, *words: str) -> list[str]:
        """A module of this environment, run as a component."""
        return [self.python, "-P", "-m", name, *words]

    def slipway(self, *words: str) -> list[str]:
        """A command of slipway in this environment, as a component runs it."""
        return [self.python, "-P", "-c", "from slipway.platform.cli.main import run; run()", *words]

    def environ(self, **more: str) -> dict[str, str]:
        """Of a component: what it needs of the outside, this project's stack, and `more`."""
        passed = {
            name: value
            for name, value in self.outside.items()
            if name in PASSED or (name.startswith(PASSED_BEGINNINGS) and name not in OWN)
        }
        return {
            **passed,
            "PATH": f"{Path(self.python).parent}:{self.outside.get('PATH') or SYSTEM_PATH}",
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
            CONTEXT: STACKS_CONTEXT,
            STACK: self.name,
            **more,
        }

    def make(self) -> None:
        """The folder, private from the start."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.folder.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """A file (0600) that readers see as it was or as it is now."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
