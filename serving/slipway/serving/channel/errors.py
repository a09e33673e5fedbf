"""What is wrong with a channel, or with what it says."""

from slipway.serving.errors import SlipwayError


class ChannelError(SlipwayError):
    """A channel that cannot be reached, or believed."""


class Untrusted(ChannelError):
    """Signatures, versions, expiries or digests do not hold: nothing of it is installed."""


class CannotRemember(ChannelError):
    """What was verified cannot be written down, on a full disk say: nothing is installed that could be rolled back."""
