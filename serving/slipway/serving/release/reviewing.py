"""What a list of releases says, held against the ledger before a new key vouches for it.

A thief of the former key may have listed releases of their own, or others in the place of ours.
"""

import copy
import re
from collections.abc import Collection
from enum import StrEnum
from typing import Final

from tuf.api.metadata import Targets

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.names import suggestion
from slipway.platform.registry.desk import Desk
from slipway.serving.bundle.canonical import canonical, sha256
from slipway.serving.release.folding import load_rollouts
from slipway.serving.release.inspecting import POINTERS
from slipway.serving.release.roles import CHANNELS

RELEASE_PATH: Final = re.compile(r"models/([^/]+)/([0-9a-f]{64})/(\d+)\.release\.json")
DIGITS: Final = 12
UNKNOWN_MEND: Final = (
    "If a thief of the former key put it there: `slipway channel sign --unknown-releases drop`. If it is ours, and the "
    "ledger another one than then: `--unknown-releases keep`."
)

Key = tuple[str, int, str]
"""Model, number and bundle of a release."""


class Unknown(StrEnum):
    """What becomes of releases in the list that the ledger does not know."""

    ASK = "ask"
    DROP = "drop"
    KEEP = "keep"


def unknown_named(name: str) -> Unknown:
    """What people write."""
    try:
        return Unknown(name)
    except ValueError:
        raise WrongUse(f"--unknown-releases is `{name}`.", mend=suggestion(name, Unknown)) from None


def entries(role: str, listing: Targets) -> list[str]:
    """What a list says."""
    if role == CHANNELS:
        names = [path.removeprefix(POINTERS).removesuffix(".json") for path in sorted(listing.targets)]
        lines = [f"what devices are told of {name}, as it stands" for name in names]
    else:
        found = filter(None, map(RELEASE_PATH.fullmatch, sorted(listing.targets)))
        lines = [f"release {one[3]} of {one[1]} (bundle {one[2][:DIGITS]})" for one in found]
    return lines or ["nothing yet"]


def strange_in(before: Targets, desk: Desk) -> dict[Key, str]:
    """Releases in the list that are not what the ledger has, with what is wrong."""
    found = {(one[1], int(one[3]), one[2]): path for path in before.targets if (one := RELEASE_PATH.fullmatch(path))}
    try:
        known, why = (_known(desk) if found else {}), "which the ledger does not know"
    except SlipwayError as error:
        known, why = {}, f"and the ledger cannot be asked ({error})"
    strange = {}
    for (model, number, bundle), path in sorted(found.items()):
        digest = known.get((model, number, bundle))
        if digest != before.targets[path].hashes.get("sha256"):
            told = "which says something else than the ledger" if digest else why
            strange[model, number, bundle] = f"it lists release {number} of {model} (bundle {bundle[:DIGITS]}), {told}."
    return strange


def without(before: Targets, strange: Collection[Key]) -> Targets:
    """The list without these, and without the files of bundles that no release is left of."""
    kept = copy.deepcopy(before)
    matches = {path: RELEASE_PATH.fullmatch(path) for path in before.targets}
    left = {
        (one[1], one[2]) for one in matches.values() if one is not None and (one[1], int(one[3]), one[2]) not in strange
    }
    for path, one in matches.items():
        _, model, bundle, _ = path.split("/")
        if (model, bundle) not in left or (one is not None and (model, int(one[3]), bundle) in strange):
            del kept.targets[path]
    return kept


def _known(desk: Desk) -> dict[Key, str]:
    """The releases that count in the ledger, with the sha256 of what the release key says of each."""
    found = ((model, rollout.releases.values()) for model, (rollout, _) in load_rollouts(desk).items())
    return {
        (model, one.number, one.bundle): sha256(canonical(one.signed.model_dump(mode="json")))
        for model, releases in found
        for one in releases
    }
