"""`slipway-edge once`."""

import argparse

from slipway.serving.edge.commands.options import add_home, add_json, home_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    add_home(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Look once and go as far as possible; 0 when what is wanted runs, 1 when something was refused or failed."""
    from slipway.serving.edge.commands.working import go_once

    return go_once(home_of(options), "once", as_json=options.json)
