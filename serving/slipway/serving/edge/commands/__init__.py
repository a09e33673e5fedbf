"""The commands of `slipway-edge`: one table that help reads, one module each that is imported when it is called.

A module has `arguments(parser)`, which declares its options, and `run(options)`, which gives the exit code. What it
needs is imported inside `run`, so that its help answers at once as well.
"""

import argparse
from dataclasses import dataclass
from importlib import import_module
from typing import Final


@dataclass(frozen=True)
class Command:
    """One command: its name, a line of help, and its module."""

    name: str
    help: str
    module: str

    def declare(self, parser: argparse.ArgumentParser) -> None:
        """Import the module and have it declare its options."""
        module = import_module(self.module)
        module.arguments(parser)
        parser.set_defaults(command=module.run)


_HERE: Final = "slipway.serving.edge.commands"

COMMANDS: Final = (Command("status", "tell what this device is and what it runs", f"{_HERE}.status"),)
