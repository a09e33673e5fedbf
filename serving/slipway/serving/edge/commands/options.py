"""Options that several commands have, and what they mean."""

import argparse
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.serving.edge.configuration import Home


def add_home(parser: argparse.ArgumentParser) -> None:
    """`--home`."""
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        help="the device's folder (else SLIPWAY_EDGE_HOME, /var/lib/slipway-edge, or ~/.local/share/slipway-edge)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def home_of(options: argparse.Namespace) -> "Home":
    """The folder that was asked for."""
    from slipway.serving.edge.configuration import Home, home_folder

    return Home(home_folder(options.home, os.environ))


def now() -> datetime:
    """What this machine's clock says."""
    return datetime.now(timezone.utc)
