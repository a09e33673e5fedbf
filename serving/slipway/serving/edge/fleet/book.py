"""What a device remembers of the fleet service: how far the numbers of its requests are, and what is wrong.

Numbers are taken a block ahead, so a file is written once for many requests and a power cut takes none back. Lost or
damaged, it begins again at 1: the service then tells where it was.
"""

import logging
from contextlib import suppress
from datetime import datetime, timezone
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, ValidationError

from slipway.serving.bundle.contract import Part
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.reading import read_plain
from slipway.serving.channel.limits import MOST
from slipway.serving.edge.configuration import Home

FILE: Final = "fleet.json"
REACHED: Final = "reached"
LARGEST: Final = 16 * 1024
BLOCK: Final = 256
"""Numbers that are taken at once."""

log = logging.getLogger(__name__)


class Trouble(Part):
    """Why the service has not taken a report."""

    kind: Literal["revoked", "refused", "unreached"]
    since: AwareDatetime
    """By this machine's clock."""
    why: Annotated[str, Field(max_length=600)]


class Page(Part):
    """What is on disk."""

    format: Literal[1] = 1
    taken: Annotated[int, Field(ge=0, le=MOST)] = 0
    """Numbers up to this one may have been used."""
    trouble: Trouble | None = None


class Book:
    """Of one device; used by one thread."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._page = read_page(home)
        self._used = self._page.taken

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong now."""
        return self._page.trouble

    def highest(self) -> int:
        """The highest number that may have been used."""
        return self._used

    def used(self, sequence: int) -> None:
        """This number was used, or the service says so."""
        self._used = max(self._used, sequence)
        self._reserve()

    def next(self) -> int:
        """A number that was never used."""
        self._used += 1
        self._reserve()
        return self._used

    def reached(self) -> None:
        """A report was taken just now; only a file's date says it, which is not worth a write."""
        if self._page.trouble is not None:
            self._write(self._page.model_copy(update={"trouble": None}))
        with suppress(OSError):
            (self._home.folder / REACHED).touch(0o600)

    def failed(self, trouble: Trouble) -> None:
        """A report was not taken; written where it is another trouble than before."""
        before = self._page.trouble
        if before is not None and before.kind == trouble.kind:
            if before.why == trouble.why:
                return
            trouble = trouble.model_copy(update={"since": before.since})
        self._write(self._page.model_copy(update={"trouble": trouble}))

    def _reserve(self) -> None:
        if self._used > self._page.taken:
            self._write(self._page.model_copy(update={"taken": min(MOST, self._used + BLOCK - 1)}))

    def _write(self, page: Page) -> None:
        """On a full disk it is known here alone; the service tells of numbers that were used."""
        self._page = page
        try:
            self._home.write(FILE, page.model_dump_json(indent=2).encode() + b"\n")
        except OSError as error:
            log.warning("%s cannot be written: %s", self._home.folder / FILE, error.strerror)


def read_page(home: Home) -> Page:
    """What is remembered; nothing where the file is not there, or is damaged."""
    path = home.folder / FILE
    if not path.exists():
        return Page()
    try:
        return Page.model_validate_json(read_plain(path, LARGEST))
    except (BadBundle, ValidationError, RecursionError) as error:
        log.warning("%s is damaged and begins again (%s)", path, str(error).splitlines()[0])
        return Page()


def last_reached(home: Home) -> datetime | None:
    """When a report was taken last, by this machine's clock."""
    try:
        return datetime.fromtimestamp((home.folder / REACHED).lstat().st_mtime, timezone.utc)
    except (OSError, OverflowError, ValueError):
        return None
