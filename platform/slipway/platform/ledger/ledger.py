"""Appending decisions and reading them.

The interface that registry, gates, rollouts and fleet are built on.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.platform.identity import People, PersonSigner
from slipway.platform.ledger.entry import Decision, Entry
from slipway.platform.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Written:
    """An entry as it stands in the ledger, with who signed it."""

    entry: Entry
    signer: str
    """Name of the person or service whose key signed."""
    digest: str
    """sha256 of the envelope, which the next entry names."""


class Ledger:
    """The ledger of one store. `cache` is a folder of this machine for entries that were read and verified before."""

    def __init__(self, store: Store, people: People, cache: "Path | None" = None) -> None:
        self._store, self._people, self._cache = store, people, cache

    def append(self, decision: Decision, signer: PersonSigner) -> Written:
        """Write a decision; one that stands already is returned as it stands."""
        raise NotImplementedError

    def entries(self, model: str | None = None) -> "Iterator[Written]":
        """All entries in order, or those of one model; each verified (signature, chain) before it is given."""
        raise NotImplementedError
