"""What can go wrong with data, told to a person. Every message names the file and, where there is one, the row."""

from slipway.platform.errors import SlipwayError, WrongUse


class DataError(SlipwayError):
    """The data is not what it should be, or cannot be had."""


class PointerMissing(DataError):
    """No snapshot is committed here, and none was named: the request cannot be understood."""

    exit_code = 2


class SnapshotMissing(DataError):
    """There is no snapshot of that digest or at that place."""


class SnapshotDamaged(DataError):
    """A file of a snapshot is missing, truncated or not what the manifest says."""


class RemoteFailed(DataError):
    """The remote that holds the snapshots' objects cannot be used, or there is no room."""


class ForeignSchema(DataError):
    """A table has other columns or types than a snapshot's."""


class BadImport(WrongUse):
    """What should be imported cannot be: nothing was written."""


class SplitChanged(DataError):
    """A sample, identity or group would move to another split."""


class LabelConflict(DataError):
    """One sample got two different labels."""


class SnapshotBusy(DataError):
    """Another process writes the same snapshot."""


class BadExport(WrongUse):
    """What should be exported cannot be: nothing was written."""
