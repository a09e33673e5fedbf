"""Making a channel equal to the ledger, for one model or all.

What devices should be told is a function of the ledger, so whoever comes by makes the channel say it: the command that
decided, the next one, a keepalive, a service. Each step looks whether it is done; whoever is killed is repeated by the
next. Devices see a change with the commit, and releases before the pointers that name them.

It takes the release key to sign a release, and the online keys to show it. Whoever lacks one does what their keys can
do and leaves the rest: `waits` says for whom.

Devices are never led from something to nothing on the way. A key that is revoked from before its entries makes them
count for nothing, and where those were all that devices run by, they are told what they were told until a person starts
a rollout.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from slipway.platform.errors import SlipwayError as PlatformError
from slipway.platform.errors import WrongUse
from slipway.platform.identity import NotTrusted
from slipway.platform.registry.bundles import fetched
from slipway.platform.registry.desk import Desk
from slipway.serving.bundle.manifest import MANIFEST
from slipway.serving.bundle.verifying import verify
from slipway.serving.channel.pointer import Pointer
from slipway.serving.errors import SlipwayError
from slipway.serving.release.folding import load_rollout, load_rollouts
from slipway.serving.release.metering import SILENT, Meter
from slipway.serving.release.repository import Repository
from slipway.serving.release.rollouts import Released, Rollout, pointer_of
from slipway.serving.release.signing import CannotSign
from slipway.serving.release.tuf_showing import Busy

Told = Callable[[str], None]
Watched = tuple[Told, Meter]
"""Whom it is told to, in words and in bytes."""
ROUNDS: Final = 8
"""Tries where somebody else moves the same pointer."""
MISSING: Final = (NotTrusted, CannotSign)
"""Raised where a key is not at hand."""


class NotAsDecided(PlatformError):
    """The channel has a release that nobody decided so."""


@dataclass(frozen=True)
class Converged:
    """What devices are told of a model."""

    model: str
    pointer: Pointer | None
    changed: bool = False
    waits: str = ""
    """What is still to be done, and by whom; empty where the channel is equal to the ledger."""


def converge(
    desk: Desk,
    repository: Repository,
    models: Iterable[str] | None = None,
    *,
    emptying: bool = False,
    told: Told = lambda _: None,
    meter: Meter = SILENT,
) -> tuple[Converged, ...]:
    """Make the channel say what the ledger does about these models, or all that were ever released.

    Of all of them, one that cannot be made equal does not keep the others from it; of named ones it is an error.
    `emptying` is for a person who has just decided what devices are led to in place of a base that does not count.
    """
    if models is not None:
        done = [_signed(desk, repository, model, (told, meter), emptying=emptying) for model in models]
    else:
        done = list(_all(desk, repository, (told, meter)))
    try:
        repository.commit()
    except MISSING as error:
        return tuple(_waiting(one, error) for one in done)
    return tuple(done)


def equal(rollout: Rollout, there: Pointer | None, now: datetime) -> bool:
    """Whether a pointer says what the ledger does at this moment: pins and freezes that are over are left out.

    What was over when it was signed stays out, whatever the time is here: of two clocks that differ neither brings back
    what the other left out.
    """
    if there is None:
        return rollout.newest is None
    at = max(now, there.signed_at)
    return pointer_of(rollout, sequence=there.sequence, signed_at=there.signed_at, at=at) == there


def sequence_after(there: Pointer | None, rollout: Rollout) -> int:
    """Above the pointer that is there, and above all that were made of fewer entries.

    Devices go by the highest that they have seen, also where the channel's files were set back to an older state.
    """
    return max(there.sequence + 1 if there else 1, rollout.reached)


def empties(rollout: Rollout, there: Pointer | None) -> bool:
    """Whether devices would be led from something to nothing."""
    if there is None:
        return False
    return (there.base is not None and rollout.base is None) or (there.target is not None and rollout.newest is None)


def why_kept(rollout: Rollout, there: Pointer) -> str:
    """Why they are not, and who decides."""
    named, model = there.base or there.target, rollout.model
    number = named.number if named else 0
    return (
        f"By the ledger devices of {model} should leave release {number} for nothing: what led them there counts no "
        "more, such as entries of a key that was revoked from before then. They keep what they run until a person "
        f"decides: `slipway rollout history {model}` tells what still counts, `slipway rollout start {model}` releases "
        "the champion anew."
    )


def _all(desk: Desk, repository: Repository, told: Watched) -> Iterator[Converged]:
    """By one reading of the ledger; it is read again only for a model whose pointer says something else."""
    rollouts = load_rollouts(desk)
    for model in sorted({*rollouts, *repository.models()}):
        known = rollouts[model][0] if model in rollouts else Rollout(model)
        yield _tried(desk, repository, known, told)


def _tried(desk: Desk, repository: Repository, known: Rollout, told: Watched) -> Converged:
    model = known.model
    try:
        there = repository.pointer(model)
        if equal(known, there, desk.now()) and not _unsigned(repository, known, desk.now()):
            return Converged(model, there)
        return _signed(desk, repository, model, told)
    except (PlatformError, SlipwayError) as error:
        return _waiting(Converged(model, None), error)


def _signed(desk: Desk, repository: Repository, model: str, told: Watched, *, emptying: bool = False) -> Converged:
    """Everything but the commit.

    The pointer is read before the ledger: whoever moved it since has been refused the same place, or will be.
    """
    for _ in range(ROUNDS):
        there = repository.pointer(model)
        now, (rollout, _) = desk.now(), load_rollout(desk, model)
        same = equal(rollout, there, now)
        if same and not _unsigned(repository, rollout, now):
            return Converged(model, there)
        if there and empties(rollout, there) and not emptying:
            return Converged(model, there, waits=why_kept(rollout, there))
        try:
            _sign_releases(desk, repository, rollout.told_at(now), told)
            if there and same:
                return Converged(model, there, changed=True)
            wanted = pointer_of(rollout, sequence=sequence_after(there, rollout), signed_at=now)
            repository.set_pointer(wanted)
        except MISSING as error:
            return _waiting(Converged(model, there), error)
        except WrongUse:
            if repository.pointer(model) == there:
                raise
        else:
            return Converged(model, wanted, changed=True)
    raise Busy(f"The pointer of {model} was moved by others {ROUNDS} times in a row.", mend="Try again.")


def _unsigned(repository: Repository, rollout: Rollout, now: datetime) -> bool:
    """Whether the channel lacks a release that devices are told of, or has another in its place."""
    return any(repository.release(rollout.model, one.bundle, one.number) != one.signed for one in rollout.told_at(now))


def _sign_releases(desk: Desk, repository: Repository, released: Iterable[Released], told: Watched) -> None:
    tell, meter = told
    for one in released:
        there = repository.release(one.model, one.bundle, one.number)
        if there is None:
            tell(f"Bringing release {one.number} of {one.model} into the channel …")
            there = repository.add_release(one.signed, files_of(desk, one), meter)
        if there != one.signed:
            raise NotAsDecided(
                f"Release {one.number} of {one.model} was signed otherwise than entry "
                f"{one.written.entry.number} of the ledger says. Devices are not led to it.",
                mend="Find out who signed it: somebody else may have a release key. "
                f"`slipway rollout undo {one.model} --reason …`, and start again.",
            )


def _waiting(one: Converged, error: PlatformError | SlipwayError) -> Converged:
    return replace(one, changed=False, waits=f"{error} {error.mend or ''}".strip())


def files_of(desk: Desk, released: Released) -> Mapping[str, Path]:
    """Every file of a release's bundle, as the store has it, verified."""
    folder = fetched(released.bundle, desk.loaded, desk.store)
    bundle = verify(folder, digest=released.bundle)
    return {name: folder / name for name in (*bundle.manifest.files, MANIFEST)}
