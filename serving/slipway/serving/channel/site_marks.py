"""The highest sequence that a device has seen of each site's configuration, beside the trust that it rests on.

It counts as long as a key that signed it may still sign, as the sequence of a pointer does: else a thief of the rollout
key could sign one so high that every honest one after it is refused. Lost or damaged, it begins again; what python-tuf
and `marks` remember of the channel still holds.
"""

import logging
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slipway.serving.channel.errors import Untrusted
from slipway.serving.channel.limits import MOST
from slipway.serving.channel.site import SitePointer
from slipway.serving.channel.trust_folder import TrustFolder

NAME: Final = "sites.json"
LARGEST: Final = 64 * 1024
MOST_SITES: Final = 8
"""A device is of one site, and of few others in its life."""

log = logging.getLogger(__name__)


class SiteMark(BaseModel):
    """The newest configuration of a site."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sequence: Annotated[int, Field(ge=1, le=MOST)]
    keys: tuple[str, ...]
    """Which keys had signed it."""


class _SiteMarks(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    sites: Mapping[str, SiteMark] = {}


def keep_site_mark(folder: TrustFolder, pointer: SitePointer, *, signers: frozenset[str], keys: frozenset[str]) -> None:
    """Remember what was seen; `Untrusted` where something newer was, by keys that may still sign."""
    marks = _read(folder)
    mark = marks.sites.get(pointer.site)
    if mark is not None and set(mark.keys) & keys and pointer.sequence < mark.sequence:
        raise Untrusted(
            f"The configuration of the site {pointer.site} has the sequence {pointer.sequence}, and {mark.sequence} "
            "was seen: it is an old one."
        )
    new = SiteMark(sequence=pointer.sequence, keys=tuple(sorted(signers)))
    if new != mark:
        others = [(name, one) for name, one in marks.sites.items() if name != pointer.site]
        sites = {**dict(others[-(MOST_SITES - 1) :]), pointer.site: new}
        folder.write(NAME, _SiteMarks(sites=sites).model_dump_json().encode())


def _read(folder: TrustFolder) -> _SiteMarks:
    try:
        data = folder.read(NAME)
        return _SiteMarks() if data is None else _SiteMarks.model_validate_json(data[:LARGEST])
    except (OSError, ValidationError, ValueError) as error:
        log.warning("%s is damaged and begins again (%s)", folder.path / NAME, error)
        return _SiteMarks()
