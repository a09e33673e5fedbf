"""Sources that wait: files, folders, renderers without a pace. No frame is lost, and nothing is judged."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone

from slipway.serving.runtime.cameras.feed import Feed, FeedBroken, NoPicture, Opener
from slipway.serving.runtime.source import CameraState, Counts, Frame, Notice, Tell

Now = Callable[[], datetime]


def utc_now() -> datetime:
    """The device's clock."""
    return datetime.now(timezone.utc)


class StoredSource:
    """A feed, read when somebody asks for a frame."""

    live = False

    def __init__(self, stream: str, opener: Opener, *, tell: Tell, now: Now = utc_now) -> None:
        self.stream = stream
        self._opener, self._tell, self._now = opener, tell, now
        self._counts = Counts()
        self._closed = False

    @property
    def state(self) -> CameraState:
        return CameraState.WELL

    @property
    def counts(self) -> Counts:
        return self._counts

    def frames(self) -> Iterator[Frame]:
        try:
            feed = self._opener()
        except FeedBroken as error:
            self._say(str(error))
            return
        self._counts = replace(self._counts, connections=1)
        try:
            yield from self._read(feed)
        finally:
            feed.close()

    def close(self) -> None:
        self._closed = True

    def _read(self, feed: Feed) -> Iterator[Frame]:
        while not self._closed:
            try:
                image = feed.read()
            except NoPicture as error:
                self._counts = replace(self._counts, unreadable=self._counts.unreadable + 1)
                self._say(str(error))
                continue
            except FeedBroken as error:
                self._say(str(error))
                return
            if image is None:
                return
            self._counts = replace(self._counts, received=self._counts.received + 1)
            yield Frame(self.stream, self._counts.received, self._now(), image)

    def _say(self, detail: str) -> None:
        self._tell(Notice(self.stream, self._now(), CameraState.WELL, CameraState.WELL, detail))
