"""What the store remembers for people: requests that were used, and sessions at the console."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.refusals import Conflicting
from slipway.serving.fleet.store.tables import NONCES, SESSIONS

SLACK: Final = 5 * times.MINUTE


@dataclass(frozen=True)
class Session:
    """Somebody's session; known by the sha256 of what the browser has."""

    digest: str
    person: str
    keyid: str
    begun: datetime
    until: datetime
    signed: bytes
    """The request that began it: what the person does in it rests on this."""
    opening: bool = False
    """Whether this is only the one-time address of a session."""


def use_nonce(connection: Connection, nonce: str, until: int) -> None:
    """Once."""
    if connection.scalar(select(NONCES.c.nonce).where(NONCES.c.nonce == nonce)) is not None:
        raise Conflicting("This request was made before.", mend="Sign it anew: each request counts once.")
    connection.execute(insert(NONCES).values(nonce=nonce, until=until))


def keep_session(connection: Connection, session: Session) -> None:
    """Begin it."""
    connection.execute(
        insert(SESSIONS).values(
            digest=session.digest,
            person=session.person,
            keyid=session.keyid,
            begun=times.stamp(session.begun),
            until=times.stamp(session.until),
            opening=int(session.opening),
            signed=session.signed,
        )
    )


def session(connection: Connection, digest: str, now: int, *, opening: bool) -> Session | None:
    """One that has not ended, and that did not begin in what is the future again since the clock went back."""
    its = (SESSIONS.c.digest == digest) & (SESSIONS.c.opening == int(opening))
    counts = (SESSIONS.c.until > now) & (SESSIONS.c.begun <= now + SLACK)
    row = connection.execute(select(SESSIONS).where(its, counts)).first()
    if row is None:
        return None
    begun, until = times.moment(row.begun), times.moment(row.until)
    return Session(row.digest, row.person, row.keyid, begun, until, bytes(row.signed), bool(row.opening))


def open_session(connection: Connection, opening: str, made: Session, now: int) -> bool:
    """Turn a one-time address into a session; False where it was used or is over."""
    if not connection.execute(
        delete(SESSIONS).where(SESSIONS.c.digest == opening, SESSIONS.c.opening == 1, SESSIONS.c.until > now)
    ).rowcount:
        return False
    keep_session(connection, made)
    return True


def end_session(connection: Connection, digest: str) -> None:
    """It counts no more."""
    connection.execute(delete(SESSIONS).where(SESSIONS.c.digest == digest))
