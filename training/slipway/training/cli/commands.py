"""The commands that slipway-training adds to `slipway`."""

from typing import Final

from slipway.platform.cli.lazy import CommandSpec

COMMANDS: Final = (
    CommandSpec("world", "The rendered parking sites: list, render, preview.", "slipway.training.cli.world:app"),
)  # fmt: skip
