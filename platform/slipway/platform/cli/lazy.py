"""Commands that are listed without being imported.

Each distribution names one table of `CommandSpec`s under the entry-point group `slipway.commands`. The tables say what
`slipway --help` and completion need; the module behind a command is imported when that command runs.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

GROUP = "slipway.commands"


@dataclass(frozen=True)
class CommandSpec:
    """One command of the top level: its name, a line of help, where its Typer app lives, and its panel in the help."""

    name: str
    help: str
    target: str
    panel: str = "Platform"

    def load(self, plain: bool) -> TyperCommand | TyperGroup:
        """Import the command's module and build the command."""
        module, _, attribute = self.target.partition(":")
        app: typer.Typer = getattr(import_module(module), attribute)
        if plain:
            app.rich_markup_mode = None
        command = get_command(app)
        command.name = self.name
        if not isinstance(command, TyperCommand | TyperGroup):
            raise TypeError(f"{self.target} is not a Typer app")
        return command


class LazyGroup(TyperGroup):
    """The top level: stands in for every command with its line of help until one is called."""

    specs: dict[str, CommandSpec]

    def adopt(self, specs: Iterable[CommandSpec]) -> None:
        """Take over the commands to offer, sorted by panel in the order given and then as each table lists them."""
        self.specs = {spec.name: spec for spec in specs}
        for spec in self.specs.values():
            self.add_command(TyperCommand(spec.name, help=spec.help, short_help=spec.help, rich_help_panel=spec.panel))

    def resolve_command(self, ctx: typer.Context, args: list[str]):  # type: ignore[no-untyped-def,override]  # noqa: ANN201
        """Replace the stand-in by the real command: this is called to run or to complete one, never to list it."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None:
            command = self.specs[name].load(plain=self.rich_markup_mode is None)
        return name, command, rest


def installed_specs() -> list[CommandSpec]:
    """The commands of all installed distributions, in a fixed order; a broken table takes away only its own."""
    specs: list[CommandSpec] = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            specs += point.load()
        except Exception as error:  # noqa: BLE001 - whatever a foreign module does when it is imported
            print(f"slipway: the commands of `{point.name}` are left out: {error}", file=sys.stderr)
    return specs
