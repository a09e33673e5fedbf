"""The result of an evaluation, as a verdict names it by its work key."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from slipway.platform.runs.records import Result
from slipway.platform.runs.results import bind_result, store_files
from slipway.platform.store import Store


def keep_evaluation(store: Store, folder: Path, work: str, files: Mapping[str, bytes], at: datetime) -> str:
    """Bring its files to the store by way of a folder, and bind them to the key; the key."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    stored = store_files(store, folder)
    bind_result(store, Result(key=work, attempt=1, finished=at, files=stored, metrics={}, steps=1, seconds=1))
    return work
