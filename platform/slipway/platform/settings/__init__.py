"""Named contexts, `SLIPWAY_*` variables and defaults, merged into one checked `Settings`."""

from slipway.platform.settings.explain import Origin
from slipway.platform.settings.load import Loaded, load
from slipway.platform.settings.schema import Settings, Target

__all__ = ["Loaded", "Origin", "Settings", "Target", "load"]
