"""What goes wrong when a model runs."""

from slipway.serving.errors import SlipwayError


class ModelUnfit(SlipwayError):
    """A model that does not load, does not keep to its contract, or does not run on what was asked for."""


class Killed(ModelUnfit):
    """The process that ran a model was ended from outside, as by a system that is short of memory.

    Who judges a model for good takes it for unfit; who can ask again had better do so.
    """
