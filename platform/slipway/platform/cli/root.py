"""The top level of the command line: what stands before a command's name."""

import os
from typing import Annotated, cast

import typer
from typer.main import get_command

from slipway.platform.cli.lazy import LazyGroup, installed_specs
from slipway.platform.cli.session import context_names


def build(plain: bool) -> LazyGroup:
    """The top-level group with every installed command; `plain` leaves out all decoration."""
    app = typer.Typer(
        cls=LazyGroup,
        callback=_options,
        invoke_without_command=True,
        help="Take computer-vision models from a change in the data to every device at the edge, and back.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong use, 75 stopped, to be gone on with, 130 interrupted. "
        "SLIPWAY_DEBUG=1 shows tracebacks.",
        rich_markup_mode=None if plain else "rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    group = cast("LazyGroup", get_command(app))  # what `cls` above asks for
    group.adopt(installed_specs())
    return group


def _options(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Option(
            "--context",
            "-c",
            metavar="NAME",
            help="Use this context for one command (as SLIPWAY_CONTEXT).",
            autocompletion=context_names,
        ),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed_version

        typer.echo(f"slipway {installed_version('slipway-platform')}")
        raise typer.Exit
    if name is not None:
        # Child processes of the command act in the same context.
        os.environ["SLIPWAY_CONTEXT"] = name
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
