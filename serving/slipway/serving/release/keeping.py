"""Keeping a channel alive: each role is renewed when half of its life is gone, by whoever holds its keys.

It needs keys and the channel. What killed commands left is finished first: what was signed is shown, and pointers are
made equal to the ledger, where that can be read. A draft that changes keys is never signed here: people look at it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from slipway.platform.errors import SlipwayError as PlatformError
from slipway.platform.registry.desk import Desk
from slipway.serving.channel.paths import pointer_path, site_path
from slipway.serving.errors import SlipwayError
from slipway.serving.release.agreeing import renews_only, requests, sign, waits_told, withholding
from slipway.serving.release.converging import Converged, converge
from slipway.serving.release.folding import load_rollouts
from slipway.serving.release.inspecting import (
    ChannelStanding,
    RoleStanding,
    drafts_in,
    keys_of,
    standing_of,
    state_of,
    waiting_in,
)
from slipway.serving.release.metering import SILENT, Meter
from slipway.serving.release.remembering import went_back
from slipway.serving.release.roles import CHANNELS, OFFLINE, ROOT, TIMESTAMP
from slipway.serving.release.site_converging import SiteConverged, converge_sites
from slipway.serving.release.sites import load_sites
from slipway.serving.release.tuf_repository import TufRepository
from slipway.serving.release.tuf_showing import show
from slipway.serving.release.tuf_state import State

Told = Callable[[str], None]
Trouble = (PlatformError, SlipwayError)
"""What may be wrong with a channel or a ledger and be right again the next time."""


@dataclass(frozen=True)
class Kept:
    """What a look at a channel led to."""

    renewed: tuple[str, ...]
    waits: tuple[str, ...]
    """For whom, a sentence each."""
    late: tuple[RoleStanding, ...]
    """Past half of their life, and not to be renewed here."""
    remarks: tuple[str, ...]
    standing: ChannelStanding
    done: tuple[str, ...] = ()
    """What else was changed: what waited is signed, devices are told what the ledger says."""
    behind: bool = False
    """Whether nobody knows what the ledger says."""
    untold: tuple[Converged, ...] = ()
    """Models whose devices are not told what the ledger says; each says for whom it waits."""
    untold_sites: tuple[SiteConverged, ...] = ()
    """The same of sites."""

    @property
    def undone(self) -> bool:
        """Whether something is left that was due here.

        To tell devices what the ledger says is due where the key of channels is; elsewhere a model that waits is told.
        """
        channels = self.standing.role(CHANNELS)
        untold = self.untold or self.untold_sites
        return bool(self.late or self.behind or (untold and channels and channels.here))


@dataclass(frozen=True)
class Followed:
    """How far the pointers are as the ledger has them."""

    remarks: tuple[str, ...]
    done: tuple[str, ...] = ()
    behind: bool = False
    untold: tuple[Converged, ...] = ()
    sites: tuple[SiteConverged, ...] = ()


def keep(
    repository: TufRepository,
    desk: Desk,
    *,
    now: bool = False,
    told_of: Told = lambda _: None,
    meter: Meter = SILENT,
) -> Kept:
    """Finish what was begun, and renew what is due, or with `now` all whose keys are here."""
    began = state_of(repository)
    remarks = list(went_back(desk.loaded, began))
    asked = [one for one in requests(repository, desk) if one.listing is not None and one.signers]
    refused = [one for one in asked if one.problems]
    repository = withholding(repository, refused) if refused else repository
    signed = tuple(one for one in asked if not one.problems)
    sign(repository, signed)
    remarks += [f"`{one.role}` is not signed: {one.problems[0]} {one.mend}" for one in refused]
    followed = _follow_ledger(repository, desk, told_of, meter)
    remarks += followed.remarks
    remarks += _forget_ghosts(repository, desk)
    before = standing_of(repository)
    due = [one for one in before.roles if _wanted(one, repository.bench.now(), now=now)]
    renewed, trouble = _renew(repository, [one.role for one in due], told_of)
    remarks += trouble
    after = standing_of(repository)
    late = tuple(one for one in after.roles if one.late(repository.bench.now()))
    done = tuple(one.role for one in after.roles if one.role in renewed and _newer(one, before))
    ended = state_of(repository)
    waits = waits_told(waiting_in(repository, ended), repository.people)
    others = (*(f"`{one.role}` {one.version} is signed." for one in signed), *followed.done)
    if not done and not others and _versions(ended) != _versions(began):
        others = ("Devices are shown what was signed before.",)
    untold = (followed.untold, followed.sites)
    return Kept(done, waits, late, tuple(remarks), after, others, followed.behind, *untold)


def due_in(standing: ChannelStanding, at: datetime, *, now: bool = False) -> tuple[tuple[RoleStanding, ...], ...]:
    """What a look would renew, and what it could not."""
    due = [one for one in standing.roles if _wanted(one, at, now=now)]
    return tuple(one for one in due if one.here), tuple(one for one in due if not one.here)


def _wanted(one: RoleStanding, at: datetime, *, now: bool) -> bool:
    """Each root is one more that devices follow from their first one on, so they come only when they are due."""
    return one.due(at) or (now and one.role != ROOT)


def _forget_ghosts(repository: TufRepository, desk: Desk) -> tuple[str, ...]:
    """Leave out what is listed as a pointer, makes no sense, and is of no model or site that the ledger tells of."""
    paths = repository.senseless()
    if not paths or not repository.at_hand(CHANNELS):
        return ()
    try:
        known = {*map(pointer_path, load_rollouts(desk)), *map(site_path, load_sites(desk))}
        ghosts = [path for path in paths if path not in known]
        if not ghosts:
            return ()
        repository.forget(ghosts)
        repository.commit()
    except Trouble as error:
        return (f"What cannot be believed is still listed: {error}",)
    named = f"{ghosts[0]}{f' and {len(ghosts) - 1:,} more' if len(ghosts) > 1 else ''}"
    return (f"Listed no more: {named}, which made no sense, and the ledger tells nothing of it.",)


def _follow_ledger(repository: TufRepository, desk: Desk, told_of: Told, meter: Meter) -> Followed:
    """Pointers as the ledger has them; a ledger that cannot be read keeps no signature from being renewed."""
    people = desk.loaded.settings.identity.people
    if not people.exists():
        why = f"there is no people file at {people}, so nobody is trusted. Correct `SLIPWAY_IDENTITY__PEOPLE`."
        return Followed((f"The ledger could not be followed: {why}",), behind=True)
    try:
        done = converge(desk, repository, told=told_of, meter=meter)
        sites = converge_sites(desk, repository)
    except Trouble as error:
        return Followed((f"The ledger could not be followed: {error} {error.mend or ''}".strip(),), behind=True)
    return Followed(
        (),
        (
            *(f"Devices of {one.model} are told what the ledger says." for one in done if one.changed),
            *(f"Devices of the site {one.site} are told what the ledger says." for one in sites if one.changed),
        ),
        untold=tuple(one for one in done if one.waits),
        sites=tuple(one for one in sites if one.waits),
    )


def _renew(repository: TufRepository, due: Sequence[str], told_of: Told) -> tuple[set[str], tuple[str, ...]]:
    """Sign these anew as far as the keys go; which were tried, and what kept some from it.

    Nothing that waits for people keeps the others from being renewed.
    """
    online = [role for role in due if role not in OFFLINE and repository.at_hand(role)]
    offline = [role for role in due if role in OFFLINE and _may_renew(repository, role)]
    for role in (*online, *offline):
        told_of(f"Renewing `{role}`")
    if not online and not offline:
        show(repository.bench)
        return set(), ()
    try:
        repository.refresh(*online, *offline)
    except Trouble as error:
        if not offline:
            raise
        repository.refresh(*(online or [TIMESTAMP]))
        return {*online}, (f"`{'` and `'.join(offline)}` cannot be renewed: {error} {error.mend or ''}".strip(),)
    return {*online, *offline}, ()


def _may_renew(repository: TufRepository, role: str) -> bool:
    """Whether a key of it is here, and nothing but a renewal would be signed."""
    state = state_of(repository)
    if not repository.bench.keys.signers(keys_of(state, role)[0]):
        return False
    return all(renews_only(draft, state) for draft in drafts_in(repository, state))


def _versions(state: State) -> dict[str, int]:
    """What devices are shown."""
    return {role: one.version for role, one in state.shown.items()}


def _newer(one: RoleStanding, before: ChannelStanding) -> bool:
    old = before.role(one.role)
    return old is None or (one.newer or one.version) > (old.newer or old.version)
