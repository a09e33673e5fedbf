"""What every command starts with: the settings that hold here, and the question before a protected context changes."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from slipway.platform.errors import SlipwayError, WrongUse

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded


class NotConfirmed(SlipwayError):
    """A person said no."""


def load_settings() -> "Loaded":
    """The settings for a command started here, with logging set up as they say."""
    import logging

    from slipway.platform.settings import load

    loaded = load(Path.cwd(), os.environ)
    logging.basicConfig(level=loaded.settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    return loaded


def confirm_change(loaded: "Loaded", change: str, yes: bool) -> None:
    """In a protected context, go on only when a person agrees or `--yes` was given."""
    if yes or not loaded.settings.protected:
        return
    if not sys.stdin.isatty():
        raise WrongUse(
            f"The context `{loaded.context}` is protected, and nobody can be asked here. This would: {change}.",
            mend="Add --yes to do it without being asked, or --dry-run to see what it would do.",
        )
    if not typer.confirm(f"The context `{loaded.context}` is protected. {change}?", err=True):
        raise NotConfirmed("Nothing was changed.")
