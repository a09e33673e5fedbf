"""A source for an address: what is live is kept alive, what is stored waits."""

from pathlib import Path

from slipway.serving.runtime.cameras.address import Address, read_address
from slipway.serving.runtime.cameras.feed import Feed
from slipway.serving.runtime.cameras.reconnecting import LiveSource, Timing
from slipway.serving.runtime.cameras.stored import StoredSource
from slipway.serving.runtime.libraries import opencv, turbo_jpeg
from slipway.serving.runtime.source import Notice, Source, Tell


def ignore(_: Notice) -> None:
    """For those who ask a source for its state instead."""


def open_source(stream: str, text: str, *, tell: Tell = ignore, timing: Timing = Timing()) -> Source:  # noqa: B008 - frozen
    """The source of an address. What can never work is refused at once: a wrong address, a library that is missing.

    A camera that does not answer is no error: it is lost, and is opened when it comes back.
    """
    address = read_address(text)
    feed = _opened_now(address, timing)

    def opener() -> Feed:
        return feed or _open(address, timing)

    live = address.kind in {"rtsp", "http", "v4l2", "gst"} or (
        address.kind == "rendered" and address.options.get("fps") != 0
    )
    if live:
        return LiveSource(stream, opener, tell=tell, timing=timing)
    return StoredSource(stream, opener, tell=tell)


def _opened_now(address: Address, timing: Timing) -> Feed | None:
    """What is on this machine and must be right is opened at once; for the others the libraries are looked for."""
    if address.kind == "http":
        turbo_jpeg()
        return None
    if address.kind in {"rtsp", "v4l2", "gst"}:
        from slipway.serving.runtime.cameras.capture import check_capture

        check_capture(address)
        return None
    if address.kind == "folder":
        opencv()
        turbo_jpeg()
    return _open(address, timing)


def _open(address: Address, timing: Timing) -> Feed:
    seconds = timing.deadline
    if address.kind == "http":
        from slipway.serving.runtime.cameras.mjpeg import MjpegFeed

        return MjpegFeed(address.place, seconds=seconds)
    if address.kind == "folder":
        from slipway.serving.runtime.cameras.folder import FolderFeed

        return FolderFeed(Path(address.place))
    if address.kind == "rendered":
        from slipway.serving.runtime.cameras.rendered import open_rendered

        return open_rendered(address)
    from slipway.serving.runtime.cameras.capture import CaptureFeed

    return CaptureFeed(address, seconds=seconds)
