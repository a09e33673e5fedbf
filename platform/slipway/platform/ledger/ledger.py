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
from slipway.platform.ledger.exporting import Heading, write_export
from slipway.platform.ledger.heads import Head
from slipway.platform.ledger.reading import Reader
from slipway.platform.ledger.verifying import Noted, Report, Told, verify_store
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
    def of(cls, loaded: "Loaded", store: Store, *, people: People | None = None) -> Self:
        """The ledger by these settings, unless other people are to be trusted."""
        settings = loaded.settings
        return cls(store, people or load_people(settings.identity.people), settings.data.cache / FOLDER)

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

    def verify(self, noted: Noted = (), told: Told = lambda _: None) -> Report:
        """Everything that is wrong with what lies in the store, also against what this machine has read before.

        `noted` are heads that somebody keeps, with who that is.
        """
        return verify_store(self._store, self._people, [*noted, *self._remembered()], told)

    def export(self, path: Path, told: Told = lambda _: None) -> tuple[Heading, Report]:
        """Write all that lies in the store into a file, as it is, with the people of now; and what is wrong with it."""
        envelopes: list[bytes] = []
        report = verify_store(self._store, self._people, self._remembered(), told, envelopes.append)
        heading = Heading(
            store=self._store.url,
            exported=self._now(),
            count=len(envelopes),
            head=report.head,
            people=self._people.persons,
        )
        write_export(path, envelopes, heading)
        return heading, report

    def _remembered(self) -> list[tuple[Head, str]]:
        """The newest entry in this machine's cache."""
        head = self._reader().remembered()
        return [(head, "this machine")] if head else []

    def _reader(self) -> Reader:
        return Reader(self._store, self._people, self._cache)
