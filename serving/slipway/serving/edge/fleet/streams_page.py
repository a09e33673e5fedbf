"""What `slipway-edge status` and `why` know of the streams of a device: a page that whoever runs them writes anew."""

import logging
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from slipway.serving.bundle.contract import Part
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.reading import read_plain
from slipway.serving.channel.limits import MOST
from slipway.serving.edge.configuration import Home

FILE: Final = "streams.json"
LARGEST: Final = 256 * 1024

log = logging.getLogger(__name__)


class Page(Part):
    """How the streams are."""

    format: Literal[1] = 1
    by: Literal["site", "command line"]
    """Who says which cameras there are."""
    configuration: Annotated[int, Field(ge=0, le=MOST)] = 0
    """Of the site, by which decisions are taken; 0 without one."""
    streams: Mapping[str, str] = {}
    """The state of each."""
    troubles: Mapping[str, str] = {}
    """What of the site's configuration is not followed, and why."""


def write_page(home: Home, page: Page) -> bool:
    """Whether it is on the disk; where that is full, nothing else stops."""
    try:
        home.write(FILE, page.model_dump_json(indent=2).encode() + b"\n")
    except OSError as error:
        log.warning("%s cannot be written: %s", home.folder / FILE, error.strerror)
        return False
    return True


def read_page(home: Home) -> Page | None:
    """The page; None where nothing runs streams, or it is damaged."""
    path = home.folder / FILE
    if not path.exists():
        return None
    try:
        return Page.model_validate_json(read_plain(path, LARGEST))
    except (BadBundle, ValidationError, RecursionError) as error:
        log.warning("%s is damaged (%s)", path, str(error).splitlines()[0])
        return None


def drop_page(home: Home) -> None:
    """Nothing runs streams any more."""
    (home.folder / FILE).unlink(missing_ok=True)
