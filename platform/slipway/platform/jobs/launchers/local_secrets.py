"""Secrets for local jobs: a file each in a folder of the person's own.

The values go into the runner's environment and nowhere else: not into a command line, a record, or a file of ours.
Folder and files may be read by their owner alone, as the keys of a person are.
"""

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.names import suggestion

if TYPE_CHECKING:
    from slipway.platform.settings.schema import Target

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600


def check_known(names: Sequence[str], name: str, target: "Target") -> None:
    """That the target says where each of the secrets is."""
    for wanted in names:
        if wanted not in target.secrets:
            raise WrongUse(
                f"The target `{name}` knows no secret `{wanted}`.",
                mend=f"{suggestion(wanted, target.secrets)} A new one is named in `targets.{name}.secrets`.",
            )


def read_secrets(names: Sequence[str], name: str, target: "Target", folder: Path) -> dict[str, str]:
    """The values by their variables' names."""
    check_known(names, name, target)
    if names:
        _check_mode(folder, FOLDER_MODE, "This folder of secrets")
    return {wanted: _value(wanted, folder, target.secrets) for wanted in names}


def _value(wanted: str, folder: Path, places: Mapping[str, str]) -> str:
    file = places[wanted]
    path = folder / file
    if path.name != file:
        raise WrongUse(
            f"The secret `{wanted}` is said to be at `{file}`; expected the name of a file in {folder}.",
            mend="`secret-name/key` is for targets on Kubernetes; a local one names the file.",
        )
    _check_mode(path, FILE_MODE, f"The secret `{wanted}`")
    value = path.read_text(encoding="utf-8").strip("\n")
    if not value or "\0" in value:
        raise WrongUse(f"The secret `{wanted}` in {path} is no text that a variable can hold.", mend="Write it anew.")
    return value


def _check_mode(path: Path, allowed: int, what: str) -> None:
    """That it is there, and for its owner alone."""
    make = f"mkdir -m 700 -p {path}" if allowed == FOLDER_MODE else f"(umask 077; cat > {path})"
    try:
        found = path.stat()
    except FileNotFoundError:
        raise WrongUse(f"{what} is missing: {path}.", mend=f"Make it: {make}") from None
    except OSError as error:
        raise SlipwayError(f"{what} cannot be read: {path}: {error.strerror}.", mend=f"ls -l {path}") from None
    mode = stat.S_IMODE(found.st_mode)
    if mode & ~allowed:
        raise WrongUse(
            f"{what} can be read or changed by others: {path} has mode {mode:o}, expected {allowed:o}.",
            mend=f"chmod {allowed:o} {path}; if others may have read it, change the secret.",
        )
