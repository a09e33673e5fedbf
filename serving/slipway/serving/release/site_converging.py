"""Making what the channel says of sites equal to the ledger; `converging` does the same for models."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from slipway.platform.errors import SlipwayError as PlatformError
from slipway.platform.errors import WrongUse
from slipway.platform.registry.desk import Desk
from slipway.serving.channel.paths import SITES
from slipway.serving.channel.site import SitePointer
from slipway.serving.errors import SlipwayError
from slipway.serving.release.converging import MISSING, ROUNDS
from slipway.serving.release.repository import Repository
from slipway.serving.release.sites import Site, load_sites, site_pointer
from slipway.serving.release.tuf_showing import Busy

TROUBLE: Final = (PlatformError, SlipwayError)


@dataclass(frozen=True)
class SiteConverged:
    """What the devices of a site are told."""

    site: str
    pointer: SitePointer | None
    changed: bool = False
    waits: str = ""
    """What is still to be done, and by whom; empty where the channel is equal to the ledger."""


def converge_sites(desk: Desk, repository: Repository, sites: Iterable[str] | None = None) -> tuple[SiteConverged, ...]:
    """Make the channel say what the ledger does about these sites, or all; who is killed is repeated by the next.

    Of all of them, one that cannot be made equal does not keep the others from it; of named ones it is an error.
    """
    done = list(_all(desk, repository) if sites is None else (_signed(desk, repository, one) for one in sites))
    if any(one.changed for one in done) or sites is not None:
        try:
            repository.commit()
        except MISSING as error:
            return tuple(_waiting(one, error) for one in done)
    return tuple(done)


def site_equal(site: Site, there: SitePointer | None) -> bool:
    """Whether a pointer says what the ledger does."""
    if there is None:
        return site.newest is None
    return site_pointer(site, sequence=there.sequence, signed_at=there.signed_at) == there


def _all(desk: Desk, repository: Repository) -> Iterator[SiteConverged]:
    """By one reading of the ledger; it is read again only for a site of which the channel says something else."""
    known = load_sites(desk)
    listed = {path: one for path, one in repository.sites().items() if one is not None}
    names = {path.removeprefix(SITES).removesuffix(".json") for path in listed}
    for name in sorted({*known, *names}):
        there = next((one for one in listed.values() if one.site == name), None)
        try:
            same = site_equal(known.get(name, Site(name)), there)
            yield SiteConverged(name, there) if same else _signed(desk, repository, name)
        except TROUBLE as error:
            yield _waiting(SiteConverged(name, there), error)


def _signed(desk: Desk, repository: Repository, name: str) -> SiteConverged:
    """Everything but the commit; the pointer is read before the ledger, as whoever moved it since is refused."""
    for _ in range(ROUNDS):
        there = repository.site(name)
        site = load_sites(desk).get(name, Site(name))
        if site_equal(site, there):
            return SiteConverged(name, there)
        if there is not None and site.newest is None:
            why = f"By the ledger nothing of {name} is configured; its devices keep what they follow."
            return SiteConverged(name, there, waits=f"{why} `slipway site set {name} FILE --reason …` sets another.")
        sequence = max(there.sequence + 1 if there else 1, site.reached)
        wanted = site_pointer(site, sequence=sequence, signed_at=desk.now())
        try:
            repository.set_site(wanted)
        except MISSING as error:
            return _waiting(SiteConverged(name, there), error)
        except WrongUse:
            if repository.site(name) == there:
                raise
        else:
            return SiteConverged(name, wanted, changed=True)
    raise Busy(f"What {name} is told was changed by others {ROUNDS} times in a row.", mend="Try again.")


def _waiting(one: SiteConverged, error: PlatformError | SlipwayError) -> SiteConverged:
    return replace(one, changed=False, waits=f"{error} {error.mend or ''}".strip())
