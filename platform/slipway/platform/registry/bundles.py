"""Bundles in the store: the manifest under its digest, and its files beside the files of results, by their content.

To the platform a manifest is JSON that lists files; what it means is `slipway.serving.bundle`'s. `keep` comes last to
the manifest, so a bundle that can be found is whole.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.errors import WrongUse
from slipway.platform.runs.errors import RecordDamaged
from slipway.platform.runs.records import Result, StoredFile
from slipway.platform.runs.results import load_result, result_key, store_files
from slipway.platform.store import ObjectMissing, Store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

FOLDER: Final = "bundles"
MANIFEST: Final = "manifest.json"
SHORTEST: Final = 4
FETCHED: Final = ".slipway/bundles"
"""Where fetched bundles lie in a project, each in a folder that has its digest for a name."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_DIGEST: Final = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True)
class Kept:
    """A bundle in the store."""

    data: bytes
    """The manifest's bytes."""

    @cached_property
    def digest(self) -> str:
        """The bundle's name."""
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """What it says, as plain JSON."""
        found: Mapping[str, Any] = json.loads(self.data)
        return found

    @property
    def model(self) -> str:
        """The model that it is of."""
        return str(self.manifest["model"])

    @property
    def files(self) -> dict[str, StoredFile]:
        """Every file but the manifest."""
        files = {name: StoredFile.model_validate(one) for name, one in self.manifest["files"].items()}
        if wrong := next((name for name in files if not _NAME.fullmatch(name)), None):
            raise RecordDamaged(f"The bundle {self.digest[:12]} names a file {wrong!r}, which is no name in a folder.")
        return files


def bundle_key(digest: str) -> str:
    """Where a bundle's manifest lies."""
    return f"{FOLDER}/{digest}.json"


def keep_bundle(store: Store, folder: Path) -> Kept:
    """Bring a verified bundle's files, then its manifest, to the store; what is there is not sent."""
    kept = Kept((folder / MANIFEST).read_bytes())
    stored = store_files(store, folder, kept.files)
    if wrong := next((name for name, one in kept.files.items() if stored[name] != one), None):
        raise RecordDamaged(f"{folder / wrong} is not the file that the manifest names.", mend="Export it again.")
    store.put_if_absent(bundle_key(kept.digest), kept.data)
    return kept


def keep_result(store: Store, result: Result) -> Kept:
    """Make a bundle of a result whose files are one: they are in the store already, only the manifest gets its name."""
    if MANIFEST not in result.files:
        raise WrongUse(f"The result of {result.key[:11]} is no bundle.", mend="`slipway export RUN` makes one.")
    kept = Kept(store.get(result_key(MANIFEST, result.files[MANIFEST])))
    if kept.digest != result.files[MANIFEST].sha256 or kept.files.items() - result.files.items():
        raise RecordDamaged(
            f"The files of {result.key[:11]} in {store.url} are not those that its manifest names.",
            mend="`slipway export RUN --again` makes them anew.",
        )
    store.put_if_absent(bundle_key(kept.digest), kept.data)
    return kept


def load_bundle(store: Store, digest: str) -> Kept:
    """The bundle of that digest."""
    try:
        kept = Kept(store.get(bundle_key(digest)))
    except ObjectMissing:
        raise WrongUse(f"{store.url} has no bundle {digest[:12]}.", mend="`slipway export RUN` makes one.") from None
    if kept.digest != digest:
        raise RecordDamaged(f"{bundle_key(digest)} in {store.url} is not what its name says.", mend="Export it again.")
    return kept


def find_bundle(store: Store, prefix: str) -> Kept:
    """The bundle whose digest begins so."""
    if not _DIGEST.fullmatch(prefix):
        raise WrongUse(
            f"`{prefix}` is no digest of a bundle.", mend=f"Write at least {SHORTEST} of its hexadecimal digits."
        )
    found = [key.removeprefix(f"{FOLDER}/").removesuffix(".json") for key in store.list(f"{FOLDER}/{prefix}")]
    if len(found) != 1:
        told = f"begins {len(found)} bundles" if found else "begins no bundle"
        raise WrongUse(f"`{prefix}` {told} in {store.url}.", mend="Write more of the digest.")
    return load_bundle(store, found[0])


def fetch_bundle(store: Store, kept: Kept, folder: Path) -> Path:
    """Make a folder of a bundle, each file checked against its digest; what is there is not fetched again.

    Where the folder holds another bundle, what only that one has goes away; its manifest is replaced last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in _files_of(folder) - kept.files.keys():
        (folder / name).unlink(missing_ok=True)
    for name, file in kept.files.items():
        if not _is(folder / name, file.sha256):
            store.get_file(result_key(name, file), folder / name)
    if not _is(folder / MANIFEST, kept.digest):
        part = folder / f".{MANIFEST}.{os.getpid()}"
        part.write_bytes(kept.data)
        part.replace(folder / MANIFEST)
    return folder


def _files_of(folder: Path) -> set[str]:
    """The files of the bundle that a folder holds, by its manifest; none where that says nothing."""
    try:
        return set(Kept((folder / MANIFEST).read_bytes()).files)
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecordDamaged):
        return set()


def locate(text: str, loaded: "Loaded", store: Store) -> Path:
    """The folder of the bundle that is meant: a folder itself, the beginning of a digest, a training or an export.

    What comes from the store is fetched once into the project, and its bytes are those that the digests name; whether
    it is a sound bundle is for `slipway.serving.bundle.verifying` to say, as it is of a folder that somebody gives.
    """
    path = Path(text).expanduser()
    if path.is_dir():
        return path
    if "/" in text or text.startswith(("~", ".")):
        raise WrongUse(f"{text} is no folder.", mend="Name a bundle's folder, a digest in the store, or a run.")
    return _fetched(store, _kept(text, store), loaded.root / FETCHED)


def fetched(digest: str, loaded: "Loaded", store: Store) -> Path:
    """The folder of a bundle in the store, fetched into the project where it is not there yet."""
    return _fetched(store, load_bundle(store, digest), loaded.root / FETCHED)


def _kept(text: str, store: Store) -> Kept:
    """By digest, else by run."""
    from slipway.platform.registry.exports import exported  # which lies above this module
    from slipway.platform.runs.find import find

    if _DIGEST.fullmatch(text) and next(iter(store.list(f"{FOLDER}/{text}")), None) is not None:
        return find_bundle(store, text)
    try:
        key = find(store, text)
    except WrongUse as error:
        mend = f"Name a bundle's folder, a digest in the store, or a run. {error.mend or ''}".strip()
        raise WrongUse(f"`{text}` is no folder and names no bundle in {store.url}: {error}", mend=mend) from None
    result = load_result(store, key)
    if result is not None and MANIFEST in result.files:
        return keep_result(store, result)
    if said := exported(store, key):
        return load_bundle(store, said.bundle)
    raise WrongUse(f"`{text}` has not been exported.", mend=f"`slipway export {text}` makes a bundle of it.")


def _fetched(store: Store, kept: Kept, folder: Path) -> Path:
    """The bundle in its own folder, made elsewhere and put there as a whole; one that was changed is made anew."""
    place = folder / kept.digest
    if _whole(place, kept):
        return place
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as made:
        part = fetch_bundle(store, kept, Path(made, "new"))
        with suppress(OSError):
            part.rename(place)
        if not _whole(place, kept):  # neither this one nor one of somebody who was quicker
            with suppress(FileNotFoundError):
                place.rename(Path(made, "changed"))
            part.rename(place)
    return place


def _whole(place: Path, kept: Kept) -> bool:
    """Whether a folder holds this bundle and nothing else."""
    if not place.is_dir() or {path.name for path in place.iterdir()} != {*kept.files, MANIFEST}:
        return False
    files = {**{name: one.sha256 for name, one in kept.files.items()}, MANIFEST: kept.digest}
    return all(_is(place / name, sha256) for name, sha256 in files.items())


def _is(path: Path, sha256: str) -> bool:
    """Whether that is a plain file with these bytes."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
