"""Making a bundle: the files first, the manifest last, so a folder with a manifest is a whole bundle.

The same arguments give the same bytes. What is written is verified before its manifest stands there; nothing that the
verifier refuses is ever made.
"""

import os
import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from slipway.serving.bundle.arrays import Array, encoded
from slipway.serving.bundle.canonical import canonical, sha256
from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.durable import sync_folder
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import (
    GOLDEN,
    MANIFEST,
    REFERENCE,
    DeviceClass,
    File,
    Lineage,
    Manifest,
    Variant,
    VariantPart,
)
from slipway.serving.bundle.verifying import LARGEST_FILE, check
from slipway.serving.errors import WrongUse

_UNFINISHED: Final = f".{MANIFEST}.part"


def write_bundle(  # noqa: PLR0913 - the parts of a manifest, by name
    folder: Path,
    *,
    model: str,
    lineage: Lineage,
    contract: Contract,
    devices: Mapping[str, DeviceClass],
    variants: Mapping[Variant, VariantPart],
    files: Mapping[str, Path | bytes],
    golden: Mapping[str, Array],
    reference: Mapping[str, Any],
    tools: Mapping[str, str] | None = None,
) -> Bundle:
    """Make a bundle in a folder that has none.

    `files` holds every file that the variants name, as a path to copy from or as bytes; `golden` the inputs
    `in.<name>` and every variant's answers `<variant>.<output>`; `reference` is plain JSON.
    """
    contents: dict[str, Path | bytes] = {**files, GOLDEN: encoded(golden), REFERENCE: _json(reference)}
    _prepare(folder, contents.keys())
    for name, content in contents.items():
        _put(folder / name, content)
    manifest = _manifest(
        model=model,
        lineage=lineage,
        contract=contract,
        devices=devices,
        variants=variants,
        files={name: _file(folder / name) for name in sorted(contents)},
        tools=tools or {},
    )
    bundle = Bundle(folder, manifest)
    check(bundle)
    _write_last(folder / MANIFEST, manifest.to_bytes())
    return bundle


def _json(reference: Mapping[str, Any]) -> bytes:
    try:
        return canonical(reference)
    except (TypeError, ValueError) as error:
        raise BadBundle(f"{REFERENCE} cannot be written: {error}.") from None


def _prepare(folder: Path, names: Collection[str]) -> None:
    """An empty folder, or one with the leftovers of a writer that was killed."""
    if MANIFEST in names or any("/" in name or name.startswith(".") for name in names):
        raise WrongUse(f"`{MANIFEST}`, paths and hidden files are no names for a bundle's files.")
    folder.mkdir(parents=True, exist_ok=True)
    there = {path.name for path in folder.iterdir()}
    if MANIFEST in there:
        raise WrongUse(f"{folder} holds a bundle already.", mend="Name another folder, or remove it.")
    (folder / _UNFINISHED).unlink(missing_ok=True)
    if foreign := sorted(there - {*names, _UNFINISHED}):
        raise WrongUse(f"{folder} holds {foreign[0]}, which is no part of the bundle.", mend="Name an empty folder.")


def _put(path: Path, content: Path | bytes) -> None:
    path.unlink(missing_ok=True)  # never through a link that lies there
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        shutil.copyfile(content, path)


def _file(path: Path) -> File:
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise BadBundle(f"{path.name} has {size:,} bytes; a bundle's file has at most {LARGEST_FILE:,}.")
    return File(sha256=sha256(path.read_bytes()), size=size)


def _manifest(**parts: Any) -> Manifest:  # noqa: ANN401 - what the schema takes
    try:
        return Manifest.model_validate(parts)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        raise BadBundle(f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}.") from None


def _write_last(path: Path, data: bytes) -> None:
    """There in full or not at all, also after the power went."""
    part = path.with_name(_UNFINISHED)
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    with suppress(OSError):  # not every file system lets a folder be opened
        sync_folder(path.parent)
