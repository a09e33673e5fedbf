"""Tokens, devices that use one, and devices that are revoked; each with who did it, in the same commit.

A token is known by its sha256 alone, counts once and until a moment or until it is withdrawn, and may be bound to an
id, a class and a site. A device whose answer was lost asks again with the same token and key and gets the same answer.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from slipway.serving.bundle.canonical import sha256
from slipway.serving.edge.fleet.wire import Enrolling
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.packing import text_of
from slipway.serving.fleet.store.refusals import (
    Conflicting,
    KnownOtherwise,
    NotADevice,
    NotAToken,
    Revoked,
    TokenRefused,
    check_sequence,
)
from slipway.serving.fleet.store.tables import AUDIT, DEVICES, HEARD, ROOTS, SPANS, STANDINGS, TOKENS


@dataclass(frozen=True)
class By:
    """Who asked, and the request as it was signed."""

    person: str
    signed: bytes


@dataclass(frozen=True)
class Token:
    """What a token allows; `digest` is the sha256 of its text."""

    digest: str
    until: datetime
    models: Sequence[str]
    device: str | None = None
    device_class: str | None = None
    site: str | None = None
    cohorts: Sequence[str] = ()


@dataclass(frozen=True)
class Place:
    """Where a device belongs, from its token."""

    root: bytes
    models: Sequence[str]
    site: str | None
    cohorts: Sequence[str]


def make_tokens(connection: Connection, root: bytes, tokens: Sequence[Token], by: By, now: int) -> None:
    """All or none."""
    digest = sha256(root)
    if connection.scalar(select(ROOTS.c.digest).where(ROOTS.c.digest == digest)) is None:
        connection.execute(insert(ROOTS).values(digest=digest, data=root))
    known = connection.scalars(select(TOKENS.c.digest).where(TOKENS.c.digest.in_([one.digest for one in tokens])))
    if known.first() is not None:
        raise Conflicting("One of these tokens was made before.", mend="Ask for new ones.")
    shared = {"root": digest, "made_at": now, "made_by": by.person}
    connection.execute(insert(TOKENS), [{**shared, **_row(one)} for one in tokens])
    about = {"tokens": _told(tokens)}
    note(connection, "token", tokens[0].device if len(tokens) == 1 else None, by, about, now)


def _row(one: Token) -> dict[str, Any]:
    bound = {"device": one.device, "device_class": one.device_class, "site": one.site}
    lists = {"cohorts": text_of(list(one.cohorts)), "models": text_of(list(one.models))}
    return {"digest": one.digest, "until": times.stamp(one.until), **bound, **lists}


def withdraw(connection: Connection, digests: Sequence[str], reason: str, by: By, now: int) -> int:
    """Let tokens open nothing any more, all or none; how many could have been used."""
    its = TOKENS.c.digest.in_(digests)
    found = {row.digest: row for row in connection.execute(select(TOKENS).where(its).with_for_update())}
    for digest in digests:
        row = found.get(digest)
        if row is None:
            raise NotAToken(digest)
        if row.used_at is not None:
            raise Conflicting(
                f"The token {digest[:12]} was used by `{row.used_by}`.",
                mend=f"`slipway fleet revoke {row.used_by}` refuses what that device says.",
            )
    gone = [row for row in found.values() if row.withdrawn_at is None]
    if gone:
        connection.execute(update(TOKENS).where(its, TOKENS.c.withdrawn_at.is_(None)).values(withdrawn_at=now))
        about = {"reason": reason, "tokens": _told(gone)}
        note(connection, "withdraw", gone[0].device if len(gone) == 1 else None, by, about, now)
    return len(gone)


def _told(tokens: "Sequence[Token | Row[Any]]") -> list[dict[str, str | None]]:
    return [{"token": one.digest, "device": one.device, "site": one.site} for one in tokens]


def enrol(connection: Connection, asked: Enrolling, sequence: int, signed: bytes, now: int) -> Place:
    """Make it a device, by its token."""
    digest = sha256(asked.token.encode())
    token = connection.execute(select(TOKENS).where(TOKENS.c.digest == digest).with_for_update()).first()
    there = connection.execute(select(DEVICES).where(DEVICES.c.id == asked.id).with_for_update()).first()
    token = _checked(token, asked, there, digest, now)
    place = _place(connection, token)
    if there is not None:
        _check_there(connection, there, asked, token, sequence)
    else:
        check_sequence(sequence, 0)
    if token.used_at is None:
        _write_device(connection, asked, token, now, again=there is not None)
        connection.execute(update(TOKENS).where(TOKENS.c.digest == digest).values(used_at=now, used_by=asked.id))
        about = {"token": digest, "public_key": asked.public_key, "device_class": asked.device_class}
        note(connection, "enrol", asked.id, By(token.made_by, signed), about, now)
    connection.execute(update(HEARD).where(HEARD.c.device == asked.id).values(sequence=sequence, agent=asked.agent))
    return place


def _checked(token: "Row[Any] | None", asked: Enrolling, there: "Row[Any] | None", digest: str, now: int) -> "Row[Any]":
    """The token, where it opens something for this device."""
    new = "Ask for another: `slipway fleet enrol` makes one."
    if token is None:
        raise TokenRefused("This token is not known.", mend=new)
    again = there is not None and (there.token, there.public_key) == (digest, asked.public_key)
    if token.used_at is not None and not again:
        raise TokenRefused("This token was used.", mend=new)
    if token.withdrawn_at is not None:
        raise TokenRefused("This token was withdrawn.", mend=new)
    if token.used_at is None and now >= token.until:
        raise TokenRefused(f"This token counted until {times.moment(token.until):%Y-%m-%d %H:%M} UTC.", mend=new)
    for what, wanted, found in (
        ("id", token.device, asked.id),
        ("device class", token.device_class, asked.device_class),
    ):
        if wanted is not None and wanted != found:
            raise TokenRefused(f"This token is for the {what} `{wanted}`, found `{found}`.", mend=new)
    return token


def _check_there(connection: Connection, there: "Row[Any]", asked: Enrolling, token: "Row[Any]", sequence: int) -> None:
    """A device that is known may come again with its key; one that was revoked with any, by a token for its id."""
    if there.revoked_at is not None:
        if token.device != asked.id or token.used_at is not None:
            raise Revoked(asked.id)
        return
    if there.public_key != asked.public_key:
        raise KnownOtherwise(asked.id)
    used = connection.scalar(select(HEARD.c.sequence).where(HEARD.c.device == asked.id)) or 0
    check_sequence(sequence, used)


def _place(connection: Connection, token: "Row[Any]") -> Place:
    root = connection.scalars(select(ROOTS.c.data).where(ROOTS.c.digest == token.root)).one()
    return Place(bytes(root), json.loads(token.models), token.site, json.loads(token.cohorts))


def _write_device(connection: Connection, asked: Enrolling, token: "Row[Any]", now: int, *, again: bool) -> None:
    row = {
        "device_class": asked.device_class,
        "site": token.site,
        "cohorts": token.cohorts,
        "models": token.models,
        "public_key": asked.public_key,
        "token": token.digest,
        "revoked_at": None,
    }
    if again:
        connection.execute(update(DEVICES).where(DEVICES.c.id == asked.id).values(**row))
        return
    connection.execute(insert(DEVICES).values(id=asked.id, enrolled_at=now, **row))
    zero = {"sequence": 0, "at": None, "clock_ms": 0, "left": 0, "site_sequence": 0, "unreadable": 0}
    connection.execute(insert(HEARD).values(device=asked.id, said="", agent=asked.agent, streams="{}", **zero))


def revoke(connection: Connection, device: str, reason: str, by: By, now: int) -> bool:
    """Believe it nothing more; whether it was believed."""
    row = connection.execute(select(DEVICES).where(DEVICES.c.id == device).with_for_update()).first()
    if row is None:
        raise NotADevice(device)
    if row.revoked_at is not None:
        return False
    connection.execute(update(DEVICES).where(DEVICES.c.id == device).values(revoked_at=now))
    connection.execute(delete(STANDINGS).where(STANDINGS.c.device == device))
    connection.execute(update(HEARD).where(HEARD.c.device == device).values(said=""))
    connection.execute(update(SPANS).where(SPANS.c.device == device, SPANS.c.end.is_(None)).values(end=now))
    note(connection, "revoke", device, by, {"reason": reason}, now)
    return True


def note(connection: Connection, what: str, device: str | None, by: By, about: dict[str, Any], now: int) -> None:
    """Who did what."""
    row = {"at": now, "what": what, "device": device, "person": by.person, "about": text_of(about)}
    connection.execute(insert(AUDIT).values(**row, signed=by.signed))
