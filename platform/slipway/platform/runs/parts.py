"""What names a piece of training work: the parts of its run key.

Two runs with equal parts are the same work, whoever asks, from wherever and however often. What does not change the
weights is not in here: paths, target, logging, queue, names and notes.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from slipway.platform.canonical import canonical

PREFIX: Final = "r1-"
"""Begins every run key; another way of computing it gets another number."""


class Part(BaseModel):
    """A frozen piece; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CodeFile(Part):
    """One file that the child may load, by its path below the archive's root: `slipway/training/fitting/main.py`."""

    path: str
    executable: bool = False
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Parts(Part):
    """All that decides the weights of a training."""

    model: str
    snapshot: str
    """Digest of the data."""
    view: Mapping[str, Any]
    """The data view, as its `key` says it."""
    code: tuple[CodeFile, ...]
    """Sorted by path."""
    config: Mapping[str, Any]
    """Resolved, without the `runtime` group."""
    lock: tuple[str, ...]
    """`name==version`, sorted: what the training's distribution depends on."""
    references: Mapping[str, str] = {}
    """What was given by another name, such as `models:/vehicle-reid@champion`, with its digest."""

    @cached_property
    def key(self) -> str:
        """The run key."""
        return PREFIX + hashlib.sha256(self.to_bytes()).hexdigest()

    @cached_property
    def code_digest(self) -> str:
        """The name of the code archive: sha256 over the list of files."""
        return digest_of_code(self.code)

    def to_bytes(self) -> bytes:
        """Canonical JSON, which the key is the sha256 of."""
        return canonical(self.model_dump(mode="json"))


def digest_of_code(files: Sequence[CodeFile]) -> str:
    """The name of exactly these files."""
    listed = sorted((one.model_dump(mode="json") for one in files), key=lambda one: str(one["path"]))
    return hashlib.sha256(canonical(listed)).hexdigest()
