"""What a step found last, so that finding it again needs neither a config composed nor a command run.

A memo leads from everything that names a step's work (what is asked, what earlier steps told, and the state of the
files that the work is made of) to the values that the step told. It is a hint: a step takes from it where to look in
the store, and believes only what it finds there. It lies in the project's cache and may be deleted, torn or altered at
any time: what cannot be read, or was noted for other files, is no memo.

The state of files is their stat: path, size, time of change, inode. Watched are the packages that code can be taken
from, whole: ours, and the model's own; the lock; the place where libraries are installed; and the settings. That is
more than decides, so a memo is sometimes lost for nothing, and never kept by mistake.
"""

import hashlib
import json
import os
import sysconfig
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.canonical import canonical

if TYPE_CHECKING:
    from slipway.pipelines.steps.step import Ask, Values
    from slipway.platform.models.finder import Model
    from slipway.platform.settings import Loaded

FOLDER: Final = ".slipway/cache/flows"
OURS: Final = ("slipway.platform", "slipway.serving", "slipway.training")
LOCK: Final = "requirements.lock"
YOUNG: Final = 2.0
"""Seconds within which a file may change again without its time of change telling: such a state is not noted."""
FORM: Final = 1


@dataclass
class Memo:
    """What is remembered for one model in one project."""

    loaded: "Loaded"
    model: "Model"

    @cached_property
    def state(self) -> str:
        """Of the files, when it was first asked for: before any work that may be noted."""
        return state_of(self.loaded, self.model)[0]

    def recall(self, step: str, ask: "Ask", given: "Values") -> "Values | None":
        """What the step told when all this was as it is now."""
        try:
            content = json.loads(self._place(step, ask, given).read_bytes())
            values, seal = content["values"], content["seal"]
        except (OSError, ValueError, TypeError, KeyError):
            return None
        if not isinstance(values, dict) or seal != _seal(values) or not all(map(_is_text, values.values())):
            return None
        return values

    def keep(self, step: str, ask: "Ask", given: "Values", values: "Values") -> None:
        """Note what the step told, unless files changed since the state was taken, or may still change unseen."""
        state, newest = state_of(self.loaded, self.model)
        if state != self.state or time.time() - newest < YOUNG:
            return
        place = self._place(step, ask, given)
        part = place.with_name(f".{uuid.uuid4().hex}")
        with suppress(OSError):  # a cache that cannot be written is none
            place.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({"values": dict(values), "seal": _seal(values)}))
            part.replace(place)

    def _place(self, step: str, ask: "Ask", given: "Values") -> Path:
        asked = {"target": ask.target, "overrides": list(ask.overrides), "given": dict(given)}
        named = {"form": FORM, "step": step, "model": self.model.name, "state": self.state, **asked}
        return self.loaded.root / FOLDER / f"{hashlib.sha256(canonical(named)).hexdigest()}.json"


def state_of(loaded: "Loaded", model: "Model") -> tuple[str, float]:
    """The digest of the stats of all that is watched, and the newest time of change among them."""
    digest = hashlib.sha256(loaded.settings.model_dump_json().encode())
    newest = 0.0
    for path, told in _watched(loaded, model):
        newest = max(newest, told.st_mtime)
        line = f"{path}\0{told.st_mode}\0{told.st_size}\0{told.st_mtime_ns}\0{told.st_ino}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest(), newest


def _watched(loaded: "Loaded", model: "Model") -> Iterator[tuple[str, os.stat_result]]:
    for folder in _folders(model):
        yield from _below(folder)
    for path in (str(loaded.root / LOCK), str(loaded.root / ".gitignore"), sysconfig.get_path("purelib")):
        with suppress(OSError):
            yield path, os.stat(path)  # noqa: PTH116 - as the walk does


def _folders(model: "Model") -> list[str]:
    """Of the packages whose code may be part of the work."""
    names = dict.fromkeys((*OURS, model.package.partition(".")[0]))
    names.pop("slipway", None)
    specs = [find_spec(name) for name in names]
    places = [place for spec in specs if spec for place in spec.submodule_search_locations or ()]
    return sorted({*places, str(model.folder)})


def _below(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every file and folder, but hidden ones and bytecode, in a fixed order."""
    try:
        found = sorted(os.scandir(folder), key=lambda one: one.name)
    except OSError:
        return
    for one in found:
        if one.name.startswith(".") or one.name == "__pycache__":
            continue
        with suppress(OSError):
            if one.is_dir():
                yield from _below(one.path)
            else:
                yield one.path, one.stat()


def _seal(values: "Mapping[str, str]") -> str:
    return hashlib.sha256(canonical(dict(values))).hexdigest()


def _is_text(value: object) -> bool:
    return isinstance(value, str)
