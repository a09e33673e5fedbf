"""The slipway project that a task works in: its folder, its context, and the environment of what is started there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

PROJECT: Final = "SLIPWAY_PROJECT"
"""Names the project's folder for tasks that name none; set it for scheduler, triggerer and workers alike."""
CONTEXT: Final = "SLIPWAY_CONTEXT"
AIRFLOWS: Final = ("AIRFLOW__", "_AIRFLOW_", "AIRFLOW_")
"""Begin the names of Airflow's own variables, which are nobody else's business."""


@dataclass(frozen=True)
class Project:
    """Where a task works."""

    folder: str = ""
    """Empty: what the variable says, else the current folder."""
    context: str = ""
    """Empty: as the project says."""

    @property
    def root(self) -> Path:
        """The folder."""
        root = Path(self.folder or os.environ.get(PROJECT) or Path.cwd())
        if not root.is_dir():
            raise WrongUse(
                f"{root}, where the project should be, is no folder on this machine.",
                mend=f"Give the task `project=`, or set {PROJECT}, to a folder that every worker and triggerer has.",
            )
        return root

    @property
    def environ(self) -> Mapping[str, str]:
        """Of what is started there."""
        passed = {name: value for name, value in os.environ.items() if not name.startswith(AIRFLOWS)}
        return {**passed, CONTEXT: self.context} if self.context else passed

    def load(self) -> "Loaded":
        """The settings that hold there."""
        from slipway.platform.settings import load

        return load(self.root, self.environ)
