"""Who asks for work: a person by the settings or a key, else the system's user."""

import getpass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.platform.settings.schema import Identity


def submitted_by(identity: "Identity") -> str:
    """The acting person as far as the settings say, without reading a key."""
    if identity.person:
        return identity.person
    keys = sorted(identity.keys.glob("*.pem")) if identity.keys.is_dir() else []
    if len(keys) == 1:
        return keys[0].stem
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return "unknown"
