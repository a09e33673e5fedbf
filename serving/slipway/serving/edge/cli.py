"""`slipway-edge`, the command line of a device.

Plain argparse: a device has no typer and no rich. Exit codes are 0 for done, 1 for failed, 2 for wrong use. An error is
one message on standard error; `SLIPWAY_DEBUG=1` adds the traceback. The module of a command is imported when it is
called, so that `--help` answers at once on a small device.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from slipway.serving.edge.commands import COMMANDS, Command
from slipway.serving.errors import SlipwayError, WrongUse

INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """argparse that takes options by their full names, and whose complaints are errors like any other."""

    def __init__(
        self, prog: str | None = None, description: str | None = None, declared_by: Command | None = None
    ) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)
        self._declared_by = declared_by

    def parse_known_args(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - argparse's own has two forms
        """Fetch the command's options first: this is called for the command that was asked for, and for no other.

        What the command does not know is its own to refuse: else the whole program would, and name its own help.
        """
        if self._declared_by is None:
            return super().parse_known_args(*arguments, **named)
        command, self._declared_by = self._declared_by, None
        command.declare(self)
        known, left = super().parse_known_args(*arguments, **named)
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}")
        return known, left

    def error(self, message: str) -> NoReturn:
        """Refuse the request."""
        raise WrongUse(message, mend=f"See `{self.prog} --help`.")


class Version(argparse.Action):
    """`--version`; the metadata is read only when somebody asks."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print and leave."""
        from importlib.metadata import version

        print(f"slipway-edge {version('slipway-serving')}")
        parser.exit()


def parser() -> Parser:
    """All commands; each one's options come when it is called."""
    top = Parser(prog="slipway-edge", description="Slipway on this device.")
    top.add_argument("--version", action=Version, nargs=0, help="print the version and leave")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for one in COMMANDS:
        description = f"{one.help[0].upper()}{one.help[1:]}."
        commands.add_parser(one.name, help=one.help, description=description, declared_by=one)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; whatever goes wrong becomes one message and an exit code."""
    try:
        options = parser().parse_args(arguments)
        code: int = options.command(options)
    except SlipwayError as error:
        return failed(str(error), error.mend, error.exit_code)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read has seen enough; what is left to say has nowhere to go, at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug is told like any other failure
        return failed(f"unexpected {type(error).__name__}: {error}", "SLIPWAY_DEBUG=1 shows where it happened.", 1)
    return code


def failed(message: str, mend: str | None, exit_code: int) -> int:
    """Tell what went wrong, with the traceback before it for those who asked."""
    if os.environ.get("SLIPWAY_DEBUG") == "1":
        import traceback

        traceback.print_exc()
    print(f"slipway-edge: {message}", *([mend] if mend else []), sep="\n", file=sys.stderr)
    return exit_code


def run() -> NoReturn:
    """The script."""
    sys.exit(main())
