"""What can go wrong while reading, told to a person."""

from slipway.platform.data.errors import DataError


class UnreadableImage(DataError):
    """The bytes of one image cannot be turned into pixels; the message names sample, shard and offset."""


class CacheFull(DataError):
    """There is no room for a file of decoded pixels."""
