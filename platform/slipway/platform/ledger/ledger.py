"""Appending decisions and reading them.

The interface that registry, gates, rollouts and fleet are built on.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from slipway.platform.identity import People, PersonSigner, load_people
from slipway.platform.ledger.appending import Appender
from slipway.platform.ledger.entry import Decision, Written
from slipway.platform.ledger.reading import Reader
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

__all__ = ["Ledger", "Written"]

FOLDER = "ledger"
"""In the cache's folder."""


def _now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """The ledger of one store. `cache` is a folder of this machine for entries that were read and verified before."""

    def __init__(
        self, store: Store, people: People, cache: Path | None = None, *, now: Callable[[], datetime] = _now
    ) -> None:
        self._store, self._people, self._cache, self._now = store, people, cache, now

    @classmethod
    def of(cls, loaded: "Loaded", store: Store) -> Self:
        """The ledger by these settings."""
        settings = loaded.settings
        return cls(store, load_people(settings.identity.people), settings.data.cache / FOLDER)

    def append(self, decision: Decision, signer: PersonSigner) -> Written:
        """Write a decision; one that stands already is returned as it stands.

        Refused is who lacks the role, and who signs for another; see `rights`.
        """
        return Appender(self._store, self._people, signer, self._now).append(decision)

    def entries(self, model: str | None = None) -> Iterator[Written]:
        """All entries in order, or those of one model; each verified (signature, chain) before it is given.

        Left out is what a key signed after it was revoked, or before it counted: it stands, and says nothing.
        """
        for written in self._reader().entries():
            if model is None or written.entry.decision.model == model:
                yield written

    def find(self, decision: str) -> Written | None:
        """The entry of the decision with this id, if it stands."""
        return next((one for one in self.entries() if one.entry.decision.id == decision), None)

    def head(self) -> Written | None:
        """The newest entry."""
        return self._reader().newest()

    def _reader(self) -> Reader:
        return Reader(self._store, self._people, self._cache)
