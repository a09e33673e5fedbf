"""The commands that slipway-pipelines adds to `slipway`."""

from typing import Final

from slipway.platform.cli.lazy import CommandSpec

COMMANDS: Final[tuple[CommandSpec, ...]] = (
    CommandSpec(
        "flow",
        "Run flows, see what they would do and cost, list them.",
        "slipway.pipelines.cli.flow:app",
        panel="Flows",
    ),
    CommandSpec(
        "model",
        "List, show, register, review, approve and promote versions of models.",
        "slipway.pipelines.cli.model:app",
        panel="Registry",
    ),
)
