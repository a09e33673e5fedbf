"""Options that several commands have, and what they mean."""

import argparse
import logging
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.serving.edge.configuration import Enrolment, Home


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


def tell_log() -> logging.Logger:
    """Have what the agent logs told on standard error, line by line."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("slipway").setLevel(logging.INFO)
    return logging.getLogger("slipway.serving.edge")


def check_model(model: str, enrolment: "Enrolment") -> None:
    """Refuse a model that this device does not run."""
    from slipway.serving.errors import WrongUse

    if model not in enrolment.models:
        raise WrongUse(
            f"This device does not run `{model}`; it runs {', '.join(enrolment.models)}.",
            mend="`slipway-edge enrol … --again` changes which.",
        )
