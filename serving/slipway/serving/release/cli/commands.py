"""The commands that slipway-serving adds to `slipway`."""

from typing import Final

from slipway.platform.cli.lazy import CommandSpec

COMMANDS: Final[tuple[CommandSpec, ...]] = ()
