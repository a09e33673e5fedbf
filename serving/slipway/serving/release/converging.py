"""Making a channel equal to the ledger, for one model or all.

What devices should be told is a function of the ledger, so whoever comes by makes the channel say it: the command that
decided, the next one, a keepalive, a service. Each step looks whether it is done; whoever is killed is repeated by the
next. Devices see a change with the commit, and releases before the pointers that name them.

It takes the release key to sign a release, and the online keys to show it. Whoever lacks one does what their keys can
do and leaves the rest: `waits` says for whom.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from slipway.platform.identity import NotTrusted
from slipway.platform.ledger.entry import Action
from slipway.platform.registry.bundles import locate
from slipway.platform.registry.desk import Desk
from slipway.serving.bundle.manifest import MANIFEST
from slipway.serving.bundle.verifying import verify
from slipway.serving.channel.pointer import Pointer, Sampling
from slipway.serving.release.folding import load_rollout
from slipway.serving.release.repository import Repository
from slipway.serving.release.rollouts import Released, Rollout, pointer_of

Told = Callable[[str], None]
ROUNDS: Final = 4
"""Tries where somebody else changes the same channel."""


@dataclass(frozen=True)
class Converged:
    """What devices are told of a model."""

    model: str
    pointer: Pointer | None
    changed: bool = False
    waits: str = ""
    """What is still to be done, and by whom; empty where the channel is equal to the ledger."""


def converge(
    desk: Desk, repository: Repository, models: Iterable[str] | None = None, *, told: Told = lambda _: None
) -> tuple[Converged, ...]:
    """Make the channel say what the ledger does about these models, or all that were ever released."""
    done = [_prepared(desk, repository, model, told) for model in (released_models(desk) if models is None else models)]
    if not any(one.changed for one in done):
        return tuple(done)
    told("Showing it to devices")
    try:
        repository.commit()
    except NotTrusted as error:
        return tuple(_waiting(one, error) if one.changed else one for one in done)
    return tuple(done)


def released_models(desk: Desk) -> tuple[str, ...]:
    """The models that the ledger tells a release of."""
    found = (one.entry.decision for one in desk.ledger.entries())
    return tuple(sorted({one.model for one in found if one.action is Action.RELEASE}))


def equal(rollout: Rollout, there: Pointer | None) -> bool:
    """Whether a pointer says what the ledger does."""
    if there is None:
        return rollout.newest is None
    wanted = pointer_of(rollout, sequence=there.sequence, signed_at=there.signed_at, sampling=there.sampling)
    return wanted == there


def _prepared(desk: Desk, repository: Repository, model: str, told: Told) -> Converged:
    """Everything but the commit."""
    rollout, _ = load_rollout(desk, model)
    there = repository.pointer(model)
    if equal(rollout, there):
        return Converged(model, there)
    try:
        for released in filter(None, (rollout.base, rollout.target)):
            if repository.release(model, released.bundle, released.number) != released.signed:
                told(f"Signing release {released.number} of {model}")
                repository.add_release(released.signed, files_of(desk, released))
        wanted = pointer_of(
            rollout,
            sequence=there.sequence + 1 if there else 1,
            signed_at=desk.now(),
            sampling=there.sampling if there else Sampling(),
        )
        repository.set_pointer(wanted)
    except NotTrusted as error:
        return _waiting(Converged(model, there), error)
    return Converged(model, wanted, changed=True)


def _waiting(one: Converged, error: NotTrusted) -> Converged:
    return replace(one, changed=False, waits=f"{error} {error.mend or ''}".strip())


def files_of(desk: Desk, released: Released) -> Mapping[str, Path]:
    """Every file of a release's bundle, as the store has it, verified."""
    folder = locate(released.bundle, desk.loaded, desk.store)
    bundle = verify(folder, digest=released.bundle)
    return {name: folder / name for name in (*bundle.manifest.files, MANIFEST)}
