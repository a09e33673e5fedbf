"""The world: parking sites that are rendered, with everything known about them; the data that ships with the project.

`render` makes the snapshot of a scenario. The same seed and version give the same bytes on every x86-64 machine.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.platform.data.manifest import Manifest


def render(name: str, target: Path, jobs: int = 1, progress: Callable[[str], None] = lambda _: None) -> "Manifest":
    """Render a scenario into a folder, which is there as a whole at the end or not at all."""
    from slipway.training.world.rendering import render as render_now

    return render_now(name, target, jobs, progress)
