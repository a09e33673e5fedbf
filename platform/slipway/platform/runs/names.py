"""Readable names of runs: `quiet-heron-412`, made from the run key, or whatever a person chose. A name is bound once.

The same work gets the same name wherever it is started. Where another piece of work has it already, the next one that
the key gives is taken; a name that a person asked for is never exchanged silently.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from slipway.platform.errors import WrongUse
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.layout import name_key
from slipway.platform.runs.parts import PREFIX
from slipway.platform.runs.records import Record
from slipway.platform.runs.standing import last_spec
from slipway.platform.runs.words import ADJECTIVES, NOUNS
from slipway.platform.store import Store

TRIED: Final = 32
"""So many names a key gives before it is said that something is wrong."""
_RULE: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,58}[a-z0-9]")
_LIKE_A_KEY: Final = re.compile(rf"(?:{PREFIX})?[0-9a-f]{{4,64}}|{PREFIX}.*")
_NUMBERS: Final = 1000


class NameRecord(Record):
    """What a name stands for."""

    name: str
    key: str
    model: str
    kind: str = "train"
    bound: datetime


def generated(key: str) -> Iterator[str]:
    """The names that a key gives, without end."""
    digits = int(key.removeprefix(PREFIX), 16)
    while True:
        rest, number = divmod(digits, _NUMBERS)
        rest, noun = divmod(rest, len(NOUNS))
        _, adjective = divmod(rest, len(ADJECTIVES))
        yield f"{ADJECTIVES[adjective]}-{NOUNS[noun]}-{number}"
        digits = digits // 7 + number + 1


def check_name(name: str) -> str:
    """A name that a person chose; refuses what could be taken for something else."""
    if not _RULE.fullmatch(name):
        raise WrongUse(
            f"`{name}` is no name for a run.", mend="Use 3 to 60 lower-case letters, digits and hyphens: `first-try-2`."
        )
    if _LIKE_A_KEY.fullmatch(name):
        raise WrongUse(f"`{name}` could be taken for a run key.", mend=f"Choose another, such as `run-{name}`.")
    return name


def bind_name(
    store: Store, key: str, *, model: str, now: datetime, wanted: str | None = None, kind: str = "train"
) -> str:
    """Give the work its name: the wanted one, or the one that it goes by, or the first one of its own that is free."""

    def bound(name: str) -> NameRecord:
        record = NameRecord(name=name, key=key, model=model, kind=kind, bound=now)
        return record.bind(store, name_key(name))

    if wanted is not None:
        _refuse_others(store, key, bound(check_name(wanted)))
        return wanted
    if earlier := last_spec(store, key):
        return earlier.name
    for name in islice(generated(key), TRIED):
        if bound(name).key == key:
            return name
    raise RunsError(f"All of {TRIED} names for {key[:11]} belong to other work.", mend="Choose one with --name.")


def check_free(store: Store, key: str, wanted: str) -> None:
    """Refuse a name that other work has, without binding it."""
    holder = load_name(store, check_name(wanted))
    if holder is not None:
        _refuse_others(store, key, holder)


def load_name(store: Store, name: str) -> NameRecord | None:
    """What a name stands for, if anything."""
    return NameRecord.load(store, name_key(name)) if _RULE.fullmatch(name) else None


def _refuse_others(store: Store, key: str, holder: NameRecord) -> None:
    if holder.key != key:
        raise WrongUse(
            f"The name `{holder.name}` belongs to other work of {holder.model} ({holder.key[:11]}).",
            mend=f"Choose another, such as `{_free(store, holder.name)}`.",
        )


def _free(store: Store, name: str) -> str:
    stem = re.sub(r"-\d+$", "", name)[:56]
    return next(one for one in (f"{stem}-{number}" for number in range(2, 1000)) if load_name(store, one) is None)
