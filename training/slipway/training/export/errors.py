"""What goes wrong in an export."""

from slipway.platform.errors import SlipwayError


class ExportFailed(SlipwayError):
    """A network that cannot be exported as its contract says, or a variant that cannot be made."""
