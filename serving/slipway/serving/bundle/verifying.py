"""Holding a bundle against its manifest, and the manifest against what a bundle may be.

Nothing is believed: files are plain and as large as the manifest says before they are read, each digest is computed,
each model's graph is walked by `graph` without the onnx package, and golden inputs and answers must fit the contract.
No code of a model runs here; whether it answers as it should is `runtime.proving`'s.
"""

import json
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from slipway.serving.bundle.arrays import decoded
from slipway.serving.bundle.canonical import sha256
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.fitting import golden_problems, graph_problems
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.graph import read_graph
from slipway.serving.bundle.manifest import GOLDEN, MANIFEST, REFERENCE, File, Manifest
from slipway.serving.bundle.reading import read_plain

LARGEST_FILE: Final = 1024 * 1024 * 1024
"""Bytes of any file of a bundle."""
LARGEST_JSON: Final = 16 * 1024 * 1024
_MEND: Final = "Export or fetch it again."


def verify(folder: Path, *, digest: str | None = None, device_class: str | None = None) -> Bundle:
    """The bundle in a folder, whole and sound; with `digest` the one of that name and no other.

    With `device_class` the folder holds what a device of that class needs of it, and nothing else.
    """
    bundle = Bundle.open(folder)
    if digest is not None and bundle.digest != digest:
        raise BadBundle(f"{folder} is the bundle {bundle.digest}, expected {digest}.", mend=_MEND)
    check(bundle, device_class=device_class)
    return bundle


def check(bundle: Bundle, *, device_class: str | None = None) -> None:
    """Raise what is wrong with a bundle whose manifest was read, or is about to be written."""
    found = list(problems(bundle, device_class=device_class))
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise BadBundle(f"{bundle.folder}: {found[0]}{more}", mend=_MEND)


def problems(bundle: Bundle, *, device_class: str | None = None) -> Iterator[str]:
    """Everything that is wrong with its files, a sentence each."""
    if device_class is not None and device_class not in bundle.manifest.devices:
        yield f"It is not made for the device class `{device_class}`."
        return
    named = bundle.manifest.files if device_class is None else bundle.manifest.files_for(device_class)
    where = (
        "in the manifest" if device_class is None else f"what the manifest has for the device class `{device_class}`"
    )
    yield from _listing(bundle.folder, named, where)
    yield from _manifest_problems(bundle.manifest)
    for name in named:
        yield from _file_problems(bundle, name, bundle.manifest.files[name])


def _listing(folder: Path, named: Collection[str], where: str) -> Iterator[str]:
    """What lies in the folder that nobody named, and what is no plain file."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            mode = entry.stat(follow_symlinks=False).st_mode
            if not stat.S_ISREG(mode):
                kind = "a link" if stat.S_ISLNK(mode) else "a folder" if stat.S_ISDIR(mode) else "no plain file"
                yield f"{entry.name!r} is {kind}; a bundle holds plain files alone."
            elif entry.name not in named and entry.name != MANIFEST:
                yield f"{entry.name!r} is not {where}."


def _manifest_problems(manifest: Manifest) -> Iterator[str]:
    """What the manifest says and cannot be."""
    used = [part.file for part in manifest.variants.values()]
    known = {*used, GOLDEN, REFERENCE}
    for name in sorted(known - manifest.files.keys()):
        yield f"The manifest lists no file {name}."
    for name in sorted({name for name in used if used.count(name) > 1}):
        yield f"Two variants have the file {name}."
    for name in sorted(manifest.files.keys() - known):
        if not name.endswith(".json") or name == MANIFEST:
            yield f"{name} belongs to no variant."
    for name, device in manifest.devices.items():
        for variant in device.variants:
            if variant not in manifest.variants:
                yield f"The device class `{name}` asks for the variant {variant}, which is not there."


def _file_problems(bundle: Bundle, name: str, file: File) -> Iterator[str]:
    """One file: as large as said, with the digest that was said, and what its name promises."""
    path = bundle.folder / name
    largest = LARGEST_JSON if name.endswith(".json") else LARGEST_FILE
    if file.size > largest:
        yield f"{name} has {file.size:,} bytes by the manifest, at most {largest:,} are allowed."
        return
    try:
        size = path.lstat().st_size
    except OSError:
        yield f"{name} is not there."
        return
    if size != file.size:
        yield f"{name} has {size:,} bytes, the manifest says {file.size:,}."
        return
    try:
        data = read_plain(path, file.size)
        if (found := sha256(data)) != file.sha256:
            yield f"{name} has the sha256 {found}, the manifest says {file.sha256}."
        else:
            yield from _content_problems(bundle, name, data)
    except BadBundle as error:
        yield str(error)


def _content_problems(bundle: Bundle, name: str, data: bytes) -> Iterator[str]:
    for part in bundle.manifest.variants.values():
        if part.file == name:
            yield from graph_problems(read_graph(data, name), name, part, bundle.manifest.contract)
    if name == GOLDEN:
        yield from golden_problems(decoded(data, name), bundle.manifest)
    if name.endswith(".json"):
        yield from _json_problems(data, name)


def _json_problems(data: bytes, name: str) -> Iterator[str]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        yield f"{name} is no JSON: {error}."
        return
    if not isinstance(found, dict):
        yield f"{name} is no mapping."
