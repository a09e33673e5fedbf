"""What python-tuf says, in words that a person at the device can do something with.

Its errors are of four kinds for us: the channel must not be believed, it has no such file, the bytes did not come, and
what was verified cannot be kept. Whatever a hostile file makes its parsers raise counts as the first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from securesystemslib.exceptions import Error as SignatureError
from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import Metadata
from tuf.api.serialization import DeserializationError

from slipway.serving.channel.errors import CannotRemember, ChannelError, Untrusted
from slipway.serving.channel.times import written
from slipway.serving.channel.transport import NotThere, TransferFailed

if TYPE_CHECKING:
    from slipway.serving.channel.fetcher import TransportFetcher
    from slipway.serving.channel.updater import RememberingUpdater

HOSTILE = (ArithmeticError, AttributeError, LookupError, RecursionError, RepositoryError, SignatureError, TypeError)
"""What parsers raise at input that was made to break them; ValueError stands beside it."""


@contextmanager
def explained(place: str, fetcher: "TransportFetcher", updater: "RememberingUpdater | None") -> Iterator[None]:
    """Turn every error of the library into one of the channel's."""
    try:
        yield
    except ChannelError:
        raise
    except DownloadHTTPError as error:
        raise NotThere(f"{place} has no {fetcher.asked}.") from error
    except DownloadError as error:
        raise TransferFailed(f"{place}: {fetcher.asked} did not come: {error}.") from error
    except OSError as error:
        raise CannotRemember(
            f"What the channel at {place} says could not be kept: {error}.", mend="Look at the disk's room and rights."
        ) from error
    except (*HOSTILE, ValueError, MemoryError) as error:
        raise Untrusted(f"{place}: {_reason(error, fetcher, updater)}") from error


def _reason(error: BaseException, fetcher: "TransportFetcher", updater: "RememberingUpdater | None") -> str:
    asked = fetcher.asked or "the root that this device was enrolled with"
    if isinstance(error, ExpiredMetadataError):
        return _expired(asked, fetcher, updater)
    if isinstance(error, UnsignedMetadataError):
        return f"{asked} is not signed as the channel's keys demand: {error}."
    if isinstance(error, BadVersionNumberError):
        return f"{asked} is of an older state than this device has seen (rollback), or of another one: {error}."
    if isinstance(error, LengthOrHashMismatchError):
        return f"{asked} is damaged, or of another state than the file that lists it: {error}."
    if isinstance(error, DeserializationError):
        return f"{asked} is no metadata: it was cut off or damaged, or is nested too deeply ({error.__cause__})."
    return f"{asked} cannot be believed: {type(error).__name__}: {error}"


def _expired(asked: str, fetcher: "TransportFetcher", updater: "RememberingUpdater | None") -> str:
    if updater is None:
        return f"{asked} has expired."
    now = written(updater.time)
    dates = [(role, updater.expires(role)) for role in ("root", "timestamp", "snapshot")]
    for role, date in dates:
        if date is not None and date <= updater.time:
            return f"the channel's {role} expired at {written(date)}, and by this device's time it is {now}."
    return f"{asked} expired{_at(fetcher)}, and by this device's time it is {now}."


def _at(fetcher: "TransportFetcher") -> str:
    """When what was fetched last expired; its signatures were held to be good before its date was looked at."""
    try:
        found: Metadata[Any] = Metadata.from_bytes(fetcher.found)
    except DeserializationError:
        return ""
    return f" at {written(found.signed.expires)}"
