"""`data.dvc`: which snapshot people work on.

It is what plain DVC writes for `dvc add data`, byte for byte, with a `meta:` behind it that DVC keeps for others: the
snapshot's digest, and its source where all of it can be made again. `dvc pull`, `push` and `status` work with it.
"""

import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.platform.data.errors import DataError
from slipway.platform.data.manifest import Manifest

NAME = "data.dvc"
FOLDER = "data"
RENDERED = "world"
"""The kind of provenance whose source can be made again from its name."""

_MD5 = re.compile(r"[0-9a-f]{32}\.dir")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MEND = f"`git checkout {NAME}` gives the committed one back, `slipway data commit` writes it anew from {FOLDER}/."


@dataclass(frozen=True)
class Pointer:
    """The content of a `data.dvc`."""

    digest: str
    tree: str
    """DVC's address of the list of files: `<md5>.dir`."""
    size: int
    nfiles: int
    source: str | None = None

    def to_text(self) -> str:
        """The file."""
        from dvc.utils.serialize import dumps_yaml  # type: ignore[import-untyped]

        out = {"md5": self.tree, "size": self.size, "nfiles": self.nfiles, "hash": "md5", "path": FOLDER}
        meta = {"snapshot": self.digest} | ({"source": self.source} if self.source else {})
        return str(dumps_yaml({"outs": [out], "meta": meta}))


def source_of(manifest: Manifest) -> str | None:
    """From what the whole snapshot can be made again, if it can."""
    origins = manifest.provenance
    return origins[0].source if len(origins) == 1 and origins[0].kind == RENDERED else None


def parse_pointer(text: str, place: str) -> Pointer:
    """Read and check; `place` is for the message."""
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml

    try:
        content: Any = parse_yaml(text, place)
    except YAMLFileCorruptedError as error:
        raise DataError(f"{place} is no YAML ({error.__cause__ or error}).", mend=_MEND) from None
    outs = content.get("outs") if isinstance(content, dict) else None
    if not isinstance(outs, list) or len(outs) != 1 or not isinstance(outs[0], dict):
        raise _bad(place, "`outs`", "one entry", outs)
    out, meta = outs[0], content.get("meta") or {}
    checks = (
        ("`outs[0].path`", out.get("path") == FOLDER, FOLDER, out.get("path")),
        ("`outs[0].md5`", _matches(_MD5, out.get("md5")), "an md5 with `.dir`", out.get("md5")),
        ("`outs[0].size`", isinstance(out.get("size"), int), "a number of bytes", out.get("size")),
        ("`outs[0].nfiles`", isinstance(out.get("nfiles"), int), "a number of files", out.get("nfiles")),
        ("`meta`", isinstance(meta, dict), "a table", meta),
    )
    for name, fine, expected, found in checks:
        if not fine:
            raise _bad(place, name, expected, found)
    if not _matches(_SHA256, meta.get("snapshot")):
        raise _bad(place, "`meta.snapshot`", "a snapshot's digest", meta.get("snapshot"))
    source = meta.get("source")
    return Pointer(meta["snapshot"], out["md5"], out["size"], out["nfiles"], str(source) if source else None)


def read_pointer(root: Path) -> Pointer | None:
    """The project's `data.dvc`, if there is one."""
    path = root / NAME
    try:
        return parse_pointer(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise DataError(f"{path} is no text.", mend=_MEND) from None


def write_pointer(root: Path, pointer: Pointer) -> None:
    """Replace `data.dvc` as a whole."""
    temporary = root / f".{NAME}.{uuid.uuid4().hex}"
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(pointer.to_text())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(root / NAME)
    finally:
        temporary.unlink(missing_ok=True)


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _bad(place: str, name: str, expected: str, found: object) -> DataError:
    return DataError(f"{place}: {name} should be {expected}, found {found!r}: it was edited by hand.", mend=_MEND)
