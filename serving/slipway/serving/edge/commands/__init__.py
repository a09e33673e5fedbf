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

COMMANDS: Final = (
    Command("enrol", "make this machine a device that follows a channel", f"{_HERE}.enrol"),
    Command("run", "follow the channel and run the models, until told to stop", f"{_HERE}.run"),
    Command("serve", "answer requests over HTTP", "slipway.serving.edge.serve.command"),
    Command("once", "look at the channel once and go as far as possible", f"{_HERE}.once"),
    Command("status", "tell what this device is and what it runs", f"{_HERE}.status"),
    Command("install", "install from a folder that `slipway channel export` made", f"{_HERE}.install"),
    Command("revert", "go back to the release that answered before", f"{_HERE}.revert"),
    Command("again", "try a release once more that failed here", f"{_HERE}.again"),
    Command("why", "tell why the agent did what it did, and what it refused", f"{_HERE}.why"),
    Command("decision", "tell what a stream decided, from the log on this device", f"{_HERE}.decision"),
)
