"""`slipway-edge install`."""

import argparse
from pathlib import Path

from slipway.serving.edge.commands.options import add_home, add_json, home_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("path", type=Path, metavar="PATH", help="the folder, such as a mounted USB stick")
    add_home(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Install from a folder, with the same checks as from the network; exit codes as those of `once`."""
    from slipway.serving.edge.commands.working import go_once
    from slipway.serving.errors import WrongUse

    if not (options.path / "metadata").is_dir():
        raise WrongUse(
            f"{options.path} holds no channel: there is no folder `metadata` in it.",
            mend="`slipway channel export DIR` makes such a folder.",
        )
    return go_once(home_of(options), "install", as_json=options.json, place=str(options.path.absolute()))
