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


def current_folder() -> Path:
    """Where the command was started."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise WrongUse("The folder that this was started in no longer exists.", mend="cd into one that does.") from None


def context_names() -> list[str]:
    """The contexts of this project, for completion."""
    from slipway.platform.settings.files import FILE_NAME, project_root
    from slipway.platform.settings.load import read_file

    return read_file(project_root(current_folder()) / FILE_NAME).names()


def load_settings() -> "Loaded":
    """The settings for a command started here, with logging set up as they say."""
    import logging

    from slipway.platform.settings import load

    loaded = load(current_folder(), os.environ)
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
    if not typer.confirm(f"The context `{loaded.context}` is protected. Really {change}?", err=True):
        raise NotConfirmed("Nothing was changed.")
