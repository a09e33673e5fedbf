"""Where things lie in a channel's static files.

Metadata is python-tuf's, with consistent snapshots: `metadata/<version>.<role>.json` and `metadata/timestamp.json`.
Targets have their sha256 before their name: `targets/models/<model>/<bundle>/<sha256>.<file>`. A device asks for paths
that it can name itself; there is no listing.
"""

from typing import Final

METADATA: Final = "metadata"
TARGETS: Final = "targets"
MODELS_ROLE: Final = "models"
"""Signed by the release key; delegated `models/*/*/*`."""
CHANNELS_ROLE: Final = "channels"
"""Signed by the rollout key; delegated `channels/*`."""
MODELS_PATTERN: Final = "models/*/*/*"
CHANNELS_PATTERN: Final = "channels/*"
SITES: Final = "channels/site."
"""How the paths of sites begin; no model's name has a full stop."""


def pointer_path(model: str) -> str:
    """The signed pointer of a model."""
    return f"channels/{model}.json"


def site_path(site: str) -> str:
    """The signed configuration of a site."""
    return f"{SITES}{site}.json"


def release_path(model: str, bundle: str, number: int) -> str:
    """What is said of one release."""
    return f"models/{model}/{bundle}/{number}.release.json"


def file_path(model: str, bundle: str, name: str) -> str:
    """A file of a bundle, its manifest included."""
    return f"models/{model}/{bundle}/{name}"


def stored_path(path: str, sha256: str) -> str:
    """Where a target with this digest lies among the channel's files."""
    folder, _, name = path.rpartition("/")
    return f"{TARGETS}/{folder}/{sha256}.{name}"
