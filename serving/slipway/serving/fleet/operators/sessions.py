"""Sessions at the console: begun by a signed request, opened once by an address, ended by time or a revoked key.

The service keeps sha256s of what the browser has, so its database opens no session.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from slipway.serving.fleet.operators.acting import Acting, Everybody, Now
from slipway.serving.fleet.operators.signing import SignedRequest
from slipway.serving.fleet.store.people import Session

COOKIE: Final = "slipway_session"
OPENS: Final = timedelta(minutes=2)
"""How long the one-time address counts."""
LASTS: Final = timedelta(hours=8)
LONGEST: Final = 128


class SessionStore(Protocol):
    """What keeps sessions."""

    def keep_session(self, session: Session) -> None:
        """Begin it."""

    def session(self, digest: str, *, opening: bool = False) -> Session | None:
        """One that has not ended."""

    def open_session(self, opening_digest: str, made: Session) -> bool:
        """Turn a one-time address into a session, once."""

    def end_session(self, digest: str) -> None:
        """It counts no more."""


@dataclass(frozen=True)
class Sessions:
    """All of them."""

    store: SessionStore
    people: Everybody
    now: Now

    def begin(self, signed: SignedRequest) -> str:
        """The secret of the one-time address of a new session."""
        secret, now = secrets.token_urlsafe(32), self.now()
        self.store.keep_session(
            Session(_digest(secret), signed.person.name, signed.keyid, now, now + OPENS, signed.envelope, opening=True)
        )
        return secret

    def open(self, secret: str) -> tuple[str, datetime] | None:
        """The cookie's value for a one-time address, and until when it counts."""
        digest, now = _digest(secret), self.now()
        found = self.store.session(digest, opening=True)
        cookie = secrets.token_urlsafe(32)
        if found is None:
            return None
        made = Session(_digest(cookie), found.person, found.keyid, now, now + LASTS, found.signed)
        return (cookie, made.until) if self.store.open_session(digest, made) else None

    def acting(self, cookie: str | None) -> Acting | None:
        """Who it is; nobody where it has ended or the key that began it counts no more."""
        if not cookie or len(cookie) > LONGEST:
            return None
        found = self.store.session(_digest(cookie))
        person, key = (self.people().holder(found.keyid) or (None, None)) if found else (None, None)
        if found is None or person is None or key is None or not key.trusted_now() or person.name != found.person:
            return None
        return Acting(person, found.keyid, found.signed, found.digest)

    def end(self, acting: Acting) -> None:
        """The person leaves."""
        if acting.session is not None:
            self.store.end_session(acting.session)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
