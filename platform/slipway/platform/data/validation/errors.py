"""What can go wrong with validation itself, as opposed to what it finds."""

from slipway.platform.data.errors import DataError
from slipway.platform.errors import WrongUse


class BadSuite(WrongUse):
    """A file of expectations is not what it should be."""


class ValidatorDied(DataError):
    """The child process that validates ended without a result."""


class ValidatorSilent(DataError):
    """The child process that validates has said nothing for too long and was stopped."""
