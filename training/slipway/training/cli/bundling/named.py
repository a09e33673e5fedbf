"""From what a person writes to the bundle that is meant, verified."""

from slipway.platform.registry.bundles import locate
from slipway.platform.settings import Loaded
from slipway.platform.store import open_store
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.verifying import verify


def bundle_named(text: str, loaded: Loaded) -> Bundle:
    """The bundle in a folder, or of a digest, an export or a training in the store."""
    return verify(locate(text, loaded, open_store(loaded.settings.store, loaded.settings.s3)))
