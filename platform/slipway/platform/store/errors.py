"""What can go wrong with a store, told to a person.

Every message names the store and the object; `mend` says what to do next. Two adapters raise the same classes, so that
a caller handles `ObjectMissing` without knowing what kind of store it talks to. Texts of the operating system or of
the S3 client appear only as a reason in brackets, never alone.
"""

from pathlib import Path

from slipway.platform.errors import SlipwayError, WrongUse

SETTING = "`SLIPWAY_STORE__URL`, or `url` in `[contexts.<name>.store]`"


class StoreError(SlipwayError):
    """The store could not do what was asked."""


class ObjectMissing(StoreError):
    """There is no object of that key."""

    @classmethod
    def named(cls, key: str, url: str) -> "ObjectMissing":
        return cls(
            f"There is no object `{key}` in the store {url}.",
            mend=f"Check the key, and that {SETTING} names the store that the object was written to.",
        )


class DigestMismatch(StoreError):
    """Content is not what its name says."""

    expected = ""
    found = ""

    @classmethod
    def of(cls, key: str, *, place: str, expected: str, found: str, mend: str) -> "DigestMismatch":
        error = cls(f"`{key}` in {place} should have sha256 {expected}, found {found}.", mend=mend)
        error.expected, error.found = expected, found
        return error


class StoreDenied(StoreError):
    """The store, or the credentials' issuer, says no."""


class BucketMissing(StoreError):
    """The place that should hold the objects does not exist, or is something else."""


class StoreFull(StoreError):
    """There is no room for what should be written; nothing half-written stays visible."""


class StoreUnreachable(StoreError):
    """The store did not answer, or not usefully, in all attempts."""


class StoreUnfit(StoreError):
    """The place works, but cannot keep a promise that records depend on: hard links or conditional writes."""


class BadKey(WrongUse):
    """A key breaks a rule; nothing was asked of the store."""


def local_file_error(error: OSError, path: Path) -> SlipwayError:
    """A file outside the store that was to be sent or written: its own trouble, not the store's."""
    if isinstance(error, FileNotFoundError | FileExistsError | IsADirectoryError | NotADirectoryError):
        return WrongUse(f"{path} is not a file that could be read or written.", mend="Check the path.")
    return StoreError(
        f"{path} could not be read or written ({error.strerror}).",
        mend=f"Look at the room and the permissions of {path.parent}, then try again; what is complete is kept.",
    )
