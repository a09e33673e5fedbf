"""A project on disk, and the real `slipway` in it as several people use it."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent


@dataclass
class ProjectDesk:
    """Where commands are run."""

    root: Path
    snapshot: Path
    environ: dict[str, str] = field(default_factory=dict)
    who: str = "ada"
    """Who acts, unless somebody else is named."""

    def run(self, *arguments: str, by: str = "", code: int = 0) -> "subprocess.CompletedProcess[str]":
        """A command that ends with this code."""
        done = subprocess.run(
            [str(BIN / "slipway"), *arguments],
            cwd=self.root,
            env={**self.environ, "SLIPWAY_IDENTITY__PERSON": by or self.who},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done

    def ask(self, *arguments: str, by: str = "", code: int = 0) -> Any:
        """What it prints as JSON."""
        return json.loads(self.run(*arguments, "--json", by=by, code=code).stdout)

    def records(self, *folders: str) -> list[str]:
        """Every record of work, of versions, verdicts and decisions, and of these folders."""
        store = self.root / ".slipway/store"
        kept = ("bundles", "versions", "verdicts", "ledger", *folders)
        patterns = ("work/*/attempts/*/spec.json", *(f"{folder}/*" for folder in kept))
        return sorted(str(path.relative_to(store)) for pattern in patterns for path in store.glob(pattern))
