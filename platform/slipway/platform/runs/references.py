"""Names that mean something else tomorrow, resolved to digests before the work is named.

    models:/vehicle-reid@champion   the weights behind a registered version's bundle; so does models:/vehicle-reid/3
    runs:/NAME-OR-KEY               the weights of another run's result; `run:NAME-OR-KEY` means the same
    anything else                   a file on this machine, from the project's root

A run is named by the digests alone, and whoever executes it may be elsewhere: `keep` sees that the store has the
bytes, named by their content, and `bring` makes a file of them anywhere, checked against the digest.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from slipway.platform.errors import WrongUse
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.find import find
from slipway.platform.runs.layout import GIVEN, RESULTS
from slipway.platform.runs.results import load_result
from slipway.platform.store import DigestMismatch, ObjectMissing, Store, blob_key

WEIGHTS: Final = "weights.safetensors"
"""What another run's result gives."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MODEL: Final = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>[0-9]+))")
_RUN: Final = re.compile(r"runs?:/*(?P<run>[^/:]+)")


class Registry(Protocol):
    """Who knows registered versions."""

    def bundle_of(self, model: str, *, alias: str | None, version: str | None) -> str:
        """The digest of a version's bundle; an unknown one is a `SlipwayError`."""


@dataclass(frozen=True)
class Reference:
    """A name, and what it meant when it was looked up."""

    given: str
    digest: str
    """sha256 of the file."""
    file: Path | None = None
    """Where it is on this machine, if it is a file here."""


def resolve_references(
    references: Mapping[str, Any], *, root: Path, store: Store, registry: Registry
) -> dict[str, Reference]:
    """Every reference by its name in the config."""
    for name in references:
        if not _NAME.fullmatch(name):
            raise WrongUse(
                f"`references.{name}` is no name for a reference.",
                mend="Use lower-case letters, digits and `_`.",
            )
    return {name: _resolve(name, given, root, store, registry) for name, given in sorted(references.items())}


def keep(reference: Reference, store: Store) -> None:
    """See that the store has what was meant; refuse a file that is no longer that."""
    if reference.file is None or _key_in(store, reference.digest) is not None:
        return
    try:
        store.put_file(blob_key(GIVEN, reference.digest), reference.file)
    except DigestMismatch:
        raise RunsError(
            f"{reference.file} was changed after the work was named.", mend="Start the work again."
        ) from None


def bring(digest: str, store: Store, path: Path) -> None:
    """Make a file of what the digest names; its suffix tells a result's file."""
    key = _key_in(store, digest, path.suffix or Path(WEIGHTS).suffix)
    if key is None:
        raise RunsError(
            f"{store.url} has no file with the sha256 {digest}, which the work refers to.",
            mend="Give the file itself as the reference again: its bytes are put into the store then.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    store.get_file(key, path)


def _key_in(store: Store, digest: str, suffix: str = Path(WEIGHTS).suffix) -> str | None:
    """Where the store has the bytes: as a file of a result, or as one that somebody gave."""
    for key in (blob_key(RESULTS, digest, suffix), blob_key(GIVEN, digest)):
        try:
            store.size(key)
        except ObjectMissing:
            continue
        return key
    return None


def _resolve(name: str, given: object, root: Path, store: Store, registry: Registry) -> Reference:
    if not isinstance(given, str) or not given:
        raise WrongUse(
            f"`references.{name}` should be a text, found {given!r}.",
            mend="Write models:/NAME@ALIAS, models:/NAME/VERSION, runs:/NAME or a file.",
        )
    if version := named_version(given):
        model, alias, number = version
        return _of_version(given, registry.bundle_of(model, alias=alias, version=number), store)
    if match := _RUN.fullmatch(given):
        return _of_run(given, find(store, match["run"]), store)
    if given.startswith(("models:", "runs:", "run:")):
        raise WrongUse(
            f"`references.{name}` is `{given}`, which names no version and no run.",
            mend="Write models:/NAME@ALIAS, models:/NAME/VERSION or runs:/NAME.",
        )
    path = root / Path(given).expanduser()
    if not path.is_file():
        raise WrongUse(
            f"`references.{name}` is `{given}`, and {path} is no file.",
            mend="Correct the path, or write models:/NAME@ALIAS, models:/NAME/VERSION or runs:/NAME.",
        )
    return Reference(given, _sha256(path), file=path)


def named_version(given: str) -> tuple[str, str | None, str | None] | None:
    """Model, alias and version of `models:/NAME@ALIAS` or `models:/NAME/VERSION`; None for anything else."""
    match = _MODEL.fullmatch(given)
    return (match["name"], match["alias"], match["version"]) if match else None


def _of_version(given: str, bundle: str, store: Store) -> Reference:
    from slipway.platform.registry.bundles import load_bundle  # which lies above this package

    weights = load_bundle(store, bundle).manifest["lineage"].get("weights")
    if weights is None:
        raise WrongUse(
            f"`{given}` was made elsewhere: its bundle names no weights of ours.",
            mend="Name a version that was trained here, a run, or a file.",
        )
    return Reference(given, str(weights))


def _of_run(given: str, key: str, store: Store) -> Reference:
    result = load_result(store, key)
    if result is None:
        raise WrongUse(f"`{given}` has no result yet.", mend="Wait until it is done, or name another run.")
    weights = result.files.get(WEIGHTS)
    if weights is None:
        raise WrongUse(f"The result of `{given}` has no {WEIGHTS}.", mend="Name a run that trained something.")
    return Reference(given, weights.sha256)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
