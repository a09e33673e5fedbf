"""`slipway fleet`: one line for each command, which is imported when it runs."""

from typing import Any, Final

import typer

from slipway.platform.cli.lazy import CommandSpec, LazyGroup

HERE: Final = "slipway.serving.fleet.cli"
COMMANDS: Final[tuple[CommandSpec, ...]] = (
    CommandSpec("serve", "Run the fleet service.", f"{HERE}.serve:app", panel="Service"),
    CommandSpec("control", "Lead rollouts by their plans.", f"{HERE}.control:app", panel="Service"),
    CommandSpec("console", "Open a session at the console.", f"{HERE}.console:app", panel="Service"),
    CommandSpec("list", "List devices, and what they run.", f"{HERE}.list:app", panel="Devices"),
    CommandSpec("show", "Show one device.", f"{HERE}.show:app", panel="Devices"),
    CommandSpec(
        "enrol", "Make one-time tokens for machines that become devices.", f"{HERE}.enrol:app", panel="Devices"
    ),
    CommandSpec("revoke", "Believe a device nothing more.", f"{HERE}.revoke:app", panel="Devices"),
    CommandSpec("pin", "Let a device or a site stay with one release.", f"{HERE}.pin:app", panel="Devices"),
    CommandSpec("tell", "Tell what decisions should have been.", f"{HERE}.tell:app", panel="Outcomes"),
    CommandSpec("outcomes", "Show how often releases were right, by site.", f"{HERE}.outcomes:app", panel="Outcomes"),
    CommandSpec(
        "simulate", "Live through bad days with many simulated devices.", f"{HERE}.simulate:app", panel="Service"
    ),
    CommandSpec("history", "Show what ran where, and who changed what.", f"{HERE}.history:app", panel="Devices"),
)


class FleetGroup(LazyGroup):
    """The group, with its table."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - what click gives
        super().__init__(*arguments, **options)
        self.adopt(COMMANDS)


app = typer.Typer(
    cls=FleetGroup,
    no_args_is_help=True,
    add_completion=False,
    help="Look after devices: enrol and revoke them, see what they run, and run the service that they report to.",
)


@app.callback()
def _group() -> None:
    """A group, whatever its table holds."""
