"""What goes wrong when a model runs."""

import errno
from typing import Final

from slipway.serving.errors import SlipwayError

DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
"""Of an `OSError` that is the disk's fault and says nothing of a model."""


class ModelUnfit(SlipwayError):
    """A model that does not load, does not keep to its contract, or does not run on what was asked for."""


class Killed(ModelUnfit):
    """The process that ran a model was ended from outside, as by a system that is short of memory.

    Who judges a model for good takes it for unfit; who can ask again had better do so.
    """
