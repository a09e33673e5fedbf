"""What is wrong with a bundle."""

from slipway.serving.errors import SlipwayError


class BadBundle(SlipwayError):
    """A bundle that is not what it claims to be, or claims what no bundle may."""
