"""Plain PyTorch as named work: a script of a person's own, without a model's folder and without our training loop.

The key is made like a model's: the script and what it imports from beside it, the snapshot, its arguments, how many
processes run it, the lock. So the same script on the same data is run once, wherever and by whomever it is submitted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.data.view import View
from slipway.platform.data.watching import SILENT, Watcher
from slipway.platform.errors import WrongUse
from slipway.platform.jobs.submitting.planning import OURS, Planned, Subject
from slipway.platform.jobs.submitting.snapshots import name_snapshot
from slipway.platform.runs.code.closure import Code, Roots, script_closure
from slipway.platform.runs.code.lock import lock_part
from slipway.platform.runs.making import parts_of

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

KIND: Final = "script"
_LONGEST: Final = 40


@dataclass(frozen=True, kw_only=True)
class Script:
    """What a person wants to run."""

    path: Path
    arguments: Sequence[str] = ()
    processes: int = 1
    """Over all nodes."""
    threads: int = 1
    """Of each process."""
    accelerator: str = "cpu"
    """`cpu`, or a GPU's product name."""

    @property
    def name(self) -> str:
        """What its runs and their experiment are called after."""
        words = re.sub(r"[^a-z0-9]+", "-", self.path.stem.lower()).strip("-")
        return f"script-{words or 'unnamed'}"[:_LONGEST].rstrip("-")

    def config(self, target: str) -> dict[str, Any]:
        """In the form of a composed config."""
        trainer = {"processes": self.processes, "threads": self.threads, "accelerator": self.accelerator}
        return {"arguments": list(self.arguments), "trainer": trainer, "runtime": {"target": target}}


def plan_script(
    script: Script, loaded: "Loaded", *, target: str = "local", snapshot: str | None = None, watcher: Watcher = SILENT
) -> Planned:
    """Name the work of running a script on the snapshot that is meant."""
    code = code_of_script(script.path)
    named = name_snapshot(snapshot, loaded, watcher)
    config = script.config(target)
    subject = Subject(script.name, view=View.of({}))
    parts = parts_of(
        model=subject.name,
        snapshot=named.digest,
        view=subject.view,
        code=code,
        config=config,
        lock=lock_part(loaded.root),
    )
    given = {"arguments": list(script.arguments)}
    return Planned(subject, parts, code, config, named, kind=KIND, arguments=given, module=script.path.name)


def code_of_script(path: Path) -> Code:
    """The script and what it imports from beside it, and of slipway if it does."""
    if path.suffix != ".py" or not path.is_file():
        raise WrongUse(f"{path} is no Python script.", mend="Name a file that ends in `.py`.")
    if not path.stem.isidentifier():
        raise WrongUse(
            f"`{path.name}` cannot be imported by the name that it has.", mend=f"Call it `{_importable(path)}`."
        )
    return script_closure(path, Roots(Roots.installed(OURS).packages, path.parent))


def _importable(path: Path) -> str:
    words = re.sub(r"\W+", "_", path.stem).strip("_") or "script"
    return f"{words if not words[0].isdigit() else f'run_{words}'}.py"
