"""Results: files named by their content, and the one record that says which of them came of a piece of work."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from slipway.platform.names import suggestion
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.layout import RESULTS, WorkKeys
from slipway.platform.runs.records import Result, StoredFile
from slipway.platform.store import ObjectMissing, Store, blob_key

EVALUATION: Final = "evaluation.json"
"""The judgement on the test split."""


def result_key(name: str, file: StoredFile) -> str:
    """Where a file of a result is; its suffix stays, for people who look."""
    return blob_key(RESULTS, file.sha256, PurePosixPath(name).suffix)


def store_files(store: Store, folder: Path, names: Iterable[str] | None = None) -> dict[str, StoredFile]:
    """Bring the files of a folder to the store, all of them if none are named; those that are there are not sent."""
    wanted = sorted(names) if names is not None else _names_in(folder)
    return {name: _store_file(store, folder / name, name) for name in wanted}


def bind_result(store: Store, result: Result) -> Result:
    """Make this the result of its work, unless there is one; either way the one that counts."""
    return result.bind(store, WorkKeys(result.key).result)


def load_result(store: Store, key: str) -> Result | None:
    """The result of a piece of work, if there is one."""
    return Result.load(store, WorkKeys(key).result)


def load_evaluation(store: Store, result: Result | None) -> Mapping[str, Any]:
    """The judgement, as plain JSON: whoever wrote it knows more about it. Empty where there is none."""
    file = result.files.get(EVALUATION) if result else None
    found: Mapping[str, Any] = json.loads(store.get(result_key(EVALUATION, file))) if file else {}
    return found


def fetch_file(store: Store, result: Result, name: str, path: Path) -> None:
    """Bring one file of a result to a path, checked against its digest."""
    if name not in result.files:
        raise RunsError(f"The result of {result.key[:15]} has no file `{name}`.", mend=suggestion(name, result.files))
    path.parent.mkdir(parents=True, exist_ok=True)
    store.get_file(result_key(name, result.files[name]), path)


def _store_file(store: Store, path: Path, name: str) -> StoredFile:
    with path.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    file = StoredFile(sha256=sha256, size=path.stat().st_size)
    key = result_key(name, file)
    try:
        there = store.size(key)
    except ObjectMissing:
        there = None
    if there != file.size:
        store.put_file(key, path)
    return file


def _names_in(folder: Path) -> list[str]:
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sorted(name for name in names if not any(part.startswith(".") for part in name.split("/")))
