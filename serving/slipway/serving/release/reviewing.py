"""What a list of releases says, held against ledger and manifests before a new key vouches for it.

A thief of the former key may have listed releases of their own, or others in the place of ours, altered what is said of
a file, or left something out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tuf.api.metadata import TargetFile, Targets

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.names import suggestion
from slipway.platform.registry.bundles import load_bundle
from slipway.platform.registry.desk import Desk
from slipway.platform.store import ObjectMissing, Store
from slipway.serving.bundle.canonical import canonical, sha256
from slipway.serving.bundle.folder import LARGEST_MANIFEST, read_manifest
from slipway.serving.bundle.manifest import MANIFEST, File
from slipway.serving.channel.paths import file_path, release_path, stored_path
from slipway.serving.release.folding import load_rollouts
from slipway.serving.release.inspecting import POINTERS
from slipway.serving.release.roles import CHANNELS

RELEASE_PATH: Final = re.compile(r"models/([^/]+)/([0-9a-f]{64})/([1-9]\d{0,15})\.release\.json")
DIGITS: Final = 12
UNKNOWN_MEND: Final = (
    "If a thief of the former key put it there: `slipway channel sign --unknown-releases drop`. If it is ours, and the "
    "ledger another one than then: `--unknown-releases keep`."
)


class Unknown(StrEnum):
    """What becomes of a list that is not what ledger and manifests say: asked, made right, or left as it is."""

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


@dataclass(frozen=True)
class Reviewed:
    """A list, held against the ledger and the manifests of the bundles."""

    problems: tuple[str, ...]
    mended: Mapping[str, TargetFile] | None
    """What ledger and manifests say of the releases that are there; None where the ledger cannot be read."""


def review(before: Targets, desk: Desk, store: Store) -> Reviewed:
    """What is wrong in the list, and what would be right; `store` is the channel's."""
    if not before.targets:
        return Reviewed((), {})
    try:
        right, why = _right(before, desk, store), "which the ledger does not know"
    except SlipwayError as error:
        right, why = None, f"and the ledger cannot be asked ({error})"
    return Reviewed(tuple(_problems(before, right or {}, why)), right)


def _problems(before: Targets, right: Mapping[str, TargetFile], why: str) -> Iterator[str]:
    known = {path.rpartition("/")[0] for path in right}
    senseless, files = [], []
    beside = {path.rpartition("/")[0] for path in before.targets if RELEASE_PATH.fullmatch(path)}
    for path, target in sorted(before.targets.items()):
        release = RELEASE_PATH.fullmatch(path)
        if right.get(path) == target:
            continue
        if release is not None:
            told = "which says something else than the ledger" if path in right else why
            yield f"it lists {_release(release)}, {told}."
        elif path in right:
            files.append(path)
        elif path.rpartition("/")[0] in known or path.rpartition("/")[0] not in beside:  # else its release is told
            senseless.append(path)
    if files:
        yield f"it lists {_counted(files)} otherwise than the manifest of that bundle."
    if senseless:
        yield f"it lists {_counted(senseless)}, which belongs to no release that the ledger knows."
    if gone := sorted(right.keys() - before.targets.keys()):
        yield f"it does not list {_counted(gone)}, which belongs to a release of the ledger."


def _counted(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def _release(found: re.Match[str]) -> str:
    return f"release {found[3]} of {found[1]} (bundle {found[2][:DIGITS]})"


def _right(before: Targets, desk: Desk, store: Store) -> dict[str, TargetFile]:
    """All of the releases that count in the ledger and were brought into the channel."""
    right: dict[str, TargetFile] = {}
    for model, (rollout, _) in load_rollouts(desk).items():
        for one in rollout.releases.values():
            path = release_path(model, one.bundle, one.number)
            release = TargetFile.from_data(path, canonical(one.signed.model_dump(mode="json")), ["sha256"])
            if path in before.targets or _is_there(store, release):
                right |= {path: release, **_files(model, one.bundle, desk, store)}
    return right


def _is_there(store: Store, target: TargetFile) -> bool:
    try:
        return store.size(stored_path(target.path, target.hashes["sha256"])) == target.length
    except ObjectMissing:
        return False


def _files(model: str, bundle: str, desk: Desk, store: Store) -> dict[str, TargetFile]:
    """A bundle's files, by its manifest, which its name vouches for wherever it lies."""
    path = file_path(model, bundle, MANIFEST)
    try:
        data = store.open_range(stored_path(path, bundle), 0, LARGEST_MANIFEST + 1)
    except ObjectMissing:
        data = b""
    if sha256(data) != bundle:
        data = load_bundle(desk.store, bundle).data
    files = {**read_manifest(data, path).files, MANIFEST: File(sha256=bundle, size=len(data))}
    found = {file_path(model, bundle, name): file for name, file in files.items()}
    return {path: TargetFile(file.size, {"sha256": file.sha256}, path) for path, file in found.items()}
