"""What every question about versions needs: settings, store, people, ledger and MLflow; and refusing somebody.

Nothing is read or asked before it is needed. Whoever asks for what the rules do not allow, and has a key, gets the
refusal into the ledger, too.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from slipway.platform.errors import SlipwayError
from slipway.platform.identity import People, PersonSigner, Role, load_people, signer_for
from slipway.platform.ledger.ledger import Ledger
from slipway.platform.registry.decisions import About
from slipway.platform.registry.mlflow import ModelRegistry, open_registry
from slipway.platform.registry.standing import ModelStanding, standing_of
from slipway.platform.runs.tracking.tracker import Tracker, open_tracker
from slipway.platform.store import Store, open_store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

log = logging.getLogger(__name__)


class Refused(SlipwayError):
    """The rules do not allow it; nothing was changed."""


def _now() -> datetime:
    return datetime.now(UTC)


def fresh_nonce() -> str:
    """Of a request that was never made before."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Desk:
    """Where versions are looked after."""

    loaded: "Loaded"
    store: Store
    now: Callable[[], datetime] = _now

    @classmethod
    def of(cls, loaded: "Loaded") -> "Desk":
        """For settings that were loaded already."""
        return cls(loaded, open_store(loaded.settings.store, loaded.settings.s3))

    @cached_property
    def people(self) -> People:
        """Who is trusted."""
        return load_people(self.loaded.settings.identity.people)

    @cached_property
    def ledger(self) -> Ledger:
        """The list of decisions."""
        return Ledger.of(self.loaded, self.store)

    @cached_property
    def registry(self) -> ModelRegistry:
        """MLflow's registry."""
        return open_registry(self.loaded.settings.mlflow, self.loaded.root)

    @cached_property
    def tracker(self) -> Tracker:
        """MLflow's record of runs."""
        return open_tracker(self.loaded.settings.mlflow, self.loaded.root)

    @cached_property
    def signer(self) -> PersonSigner:
        """Who acts."""
        return signer_for(self.loaded.settings.identity, self.people)

    def close(self) -> None:
        """Give back connections; the next question opens them again."""
        for name in ("registry", "tracker"):
            if opened := self.__dict__.pop(name, None):
                opened.close()

    def standing(self, model: str) -> ModelStanding:
        """Where a model stands now."""
        return standing_of(model, self.ledger.entries(model))

    def acting(self, role: Role, about: About, asked: str) -> PersonSigner:
        """Who acts, if that one holds the role."""
        if refused := self.lacking(role):
            self.refuse(asked, about, refused)
        return self.signer

    def lacking(self, role: Role) -> Refused | None:
        """What who acts is refused with, unless that one holds the role."""
        person = self.signer.person
        if role in person.roles:
            return None
        held = ", ".join(person.roles) or "none"
        return Refused(
            f"`{person.name}` is no {role} ({role} {role.meaning}); roles held: {held}.",
            mend=f"Somebody who is {role} does it, or `slipway identity trust {person.name} --role {role}`.",
        )

    def refuse(self, asked: str, about: About, refused: Refused) -> NoReturn:
        """Say no, and let the ledger know."""
        try:
            decision = about.refused(asked, actor=self.signer.person.name, nonce=fresh_nonce(), reason=str(refused))
            self.ledger.append(decision, self.signer)
        except SlipwayError as error:  # the answer is the same
            log.warning("The refusal is not in the ledger: %s", error)
        raise refused
