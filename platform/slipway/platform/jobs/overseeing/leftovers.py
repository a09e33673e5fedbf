"""What attempts that ended left on this machine, and nobody has any use for: locks of owners that are gone, workplaces.

A lock speaks for its attempt as long as that has no outcome; a workplace may be what somebody wants to look at. So both
stay for a while after the last change, and as long as the attempt could be under way. What belongs to work that this
store does not know stays: another context shares the folder. What a launcher has of a job is the launcher's to delete.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from slipway.platform.jobs.launchers.local_job import Files
from slipway.platform.runs.layout import WORK, WorkKeys
from slipway.platform.runs.parts import PREFIX
from slipway.platform.runs.presence import Sign, forget, sign_of
from slipway.platform.runs.records import Outcome
from slipway.platform.runs.standing import Here
from slipway.platform.store import Store

LOCK: Final = ".alive"
NODE: Final = "-node"


@dataclass(frozen=True)
class Leftover:
    """Something to delete."""

    name: str
    words: str
    delete: Callable[[], None]


def leftovers_here(store: Store, here: Here, root: Path, kept: timedelta) -> Iterator[Leftover]:
    """All that has been of no use for so long."""
    before = time.time() - kept.total_seconds()
    yield from _locks(here, before)
    yield from _workplaces(store, root / ".slipway" / "work", before)


def _locks(here: Here, before: float) -> Iterator[Leftover]:
    """Of attempts that no launcher made; their work was looked at before, and said that they are gone."""
    for path in sorted(here.state.glob(f"*{LOCK}")):
        nonce = path.name.removesuffix(LOCK)
        if _changed(path) > before or Files(here.state, nonce.partition("-")[0]).record.exists():
            continue
        if sign_of(here.state, nonce) is Sign.GONE:
            yield Leftover(path.name, "a lock whose owner is gone", partial(forget, here.state, nonce))


def _workplaces(store: Store, folder: Path, before: float) -> Iterator[Leftover]:
    """Of attempts that have an outcome."""
    for path in sorted(folder.glob("*/*")):
        key = _key_of(store, path.parent.name.partition(NODE)[0])
        if key is None or not path.name.isdecimal() or _changed(path, *path.glob("*")) > before:
            continue
        if Outcome.load(store, WorkKeys(key).attempt(int(path.name)).outcome) is not None:
            yield Leftover(
                f"{path.parent.name}/{path.name}", "a workplace of an attempt that ended", partial(_rm, path)
            )


def _key_of(store: Store, beginning: str) -> str | None:
    """The work in this store whose key begins so."""
    found = next(iter(store.list(f"{WORK}/{beginning}")), None) if beginning.startswith(PREFIX) else None
    return found.split("/")[1] if found else None


def _changed(*paths: Path) -> float:
    """When the latest of them was changed, by this machine's clock, which also wrote that."""
    moments = [0.0]
    for path in paths:
        with suppress(FileNotFoundError):
            moments.append(path.lstat().st_mtime)
    return max(moments)


def _rm(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):  # other attempts' are there, or it is gone already
        path.parent.rmdir()
