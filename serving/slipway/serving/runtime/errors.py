"""What goes wrong when a model runs."""

from slipway.serving.errors import SlipwayError


class ModelUnfit(SlipwayError):
    """A model that does not load, does not keep to its contract, or does not run on what was asked for."""
