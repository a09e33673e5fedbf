"""Bringing a bundle's files into a channel.

They lie under their digests, so a file that is there already is not sent again, and nothing that devices read changes
before somebody signs for it.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tuf.api.metadata import TargetFile

from slipway.platform.errors import WrongUse
from slipway.platform.store import ObjectMissing, Store
from slipway.serving.bundle.folder import LARGEST_MANIFEST, read_manifest
from slipway.serving.bundle.manifest import MANIFEST, File
from slipway.serving.channel.paths import file_path, stored_path
from slipway.serving.channel.release import Release
from slipway.serving.release.metering import Meter

PIECE: Final = 1024 * 1024


def bring(store: Store, release: Release, files: Mapping[str, Path], meter: Meter) -> dict[str, TargetFile]:
    """Put the files of a release's bundle where devices will look; what is to be signed for them."""
    expected = _expected(release, files)
    if files.keys() != expected.keys():
        unlike = sorted(files.keys() ^ expected.keys())
        raise WrongUse(f"Bundle {release.bundle} has the files {', '.join(sorted(expected))}; `{unlike[0]}` differs.")
    for name, file in expected.items():
        if (found := _measured(files[name])) != file:
            raise WrongUse(
                f"{files[name]} is not what the manifest says of it: expected {file.size:,} bytes with sha256 "
                f"{file.sha256}, found {found.size:,} with {found.sha256}.",
                mend="Fetch or export the bundle again.",
            )
    total = sum(file.size for file in expected.values())
    meter.expect(f"bringing release {release.number} of {release.model} into the channel", total)
    brought = {}
    for name, file in sorted(expected.items()):
        target = _brought(store, release, name, files[name], file)
        brought[target.path] = target
        meter.advance(file.size)
    return brought


def _expected(release: Release, files: Mapping[str, Path]) -> dict[str, File]:
    """All files of the bundle, by what its manifest says."""
    if MANIFEST not in files:
        raise WrongUse(f"Bundle {release.bundle} comes without its {MANIFEST}.")
    with files[MANIFEST].open("rb") as opened:
        data = opened.read(LARGEST_MANIFEST + 1)
    manifest = read_manifest(data, str(files[MANIFEST]))
    if (manifest.digest, manifest.model) != (release.bundle, release.model):
        raise WrongUse(
            f"{files[MANIFEST]} is of bundle {manifest.digest} of {manifest.model}; expected {release.bundle} of "
            f"{release.model}."
        )
    return {**manifest.files, MANIFEST: File(sha256=manifest.digest, size=len(data))}


def _brought(store: Store, release: Release, name: str, path: Path, file: File) -> TargetFile:
    target = file_path(release.model, release.bundle, name)
    key = stored_path(target, file.sha256)
    if _size(store, key) != file.size or _digest(store, key, file.size) != file.sha256:
        store.put_file(key, path)
    return TargetFile(file.size, {"sha256": file.sha256}, target)


def _size(store: Store, key: str) -> int | None:
    try:
        return store.size(key)
    except ObjectMissing:
        return None


def _digest(store: Store, key: str, size: int) -> str:
    """What lies there: somebody may have planted a file of the right size where one is to come."""
    digest = hashlib.sha256()
    for start in range(0, size, 16 * PIECE):
        digest.update(store.open_range(key, start, 16 * PIECE))
    return digest.hexdigest()


def _measured(path: Path) -> File:
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as opened:
        while piece := opened.read(PIECE):
            digest.update(piece)
            size += len(piece)
    return File(sha256=digest.hexdigest(), size=size)
