"""The index of runs: the latest ones, those of a model, team, person or target, and those under way, by few reads.

    index/runs/8234/567/890123-quiet-heron-412.json   an `Entry`; the latest one sorts first
    index/by/model/vehicle-reid/8234/…                the same name without content; by team, person and target too
    index/active/r1-….2                               a marker: somebody is at attempt 2, or has to look after it

Everything here is derived from the records of the work and may be thrown away: `mend` and `rebuild` make it anew.
`note` brings it up to date for one run, at whatever moment, any number of times. So that a kill leaves no run that
nobody looks after, a marker is put before an attempt is made (`mark`), and goes only when an entry says how that
attempt, or a later one, ended. Markers are no folders: a directory keeps those when they are empty.

Nothing here is believed about work under way: readers look at the record itself. An entry that stands at an earlier
attempt's place is passed over, because the later one comes first.
"""

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final

from slipway.platform.runs.entries import Entry, entry_of, place_of, segment
from slipway.platform.runs.errors import RecordDamaged, RunsError
from slipway.platform.runs.layout import NAMES, WorkKeys
from slipway.platform.runs.names import NameRecord
from slipway.platform.runs.records import Wish
from slipway.platform.runs.standing import numbers, spec_of
from slipway.platform.store import Store, StoreError

INDEX: Final = "index"
RUNS: Final = f"{INDEX}/runs/"
BY: Final = f"{INDEX}/by/"
ACTIVE: Final = f"{INDEX}/active/"
TOGETHER: Final = 32
"""Entries that are read at once."""

log = logging.getLogger(__name__)


def mark(store: Store, key: str, attempt: int) -> None:
    """Say that somebody has to look after this work; before that attempt is made."""
    store.put(f"{ACTIVE}{key}.{attempt}", b"{}")


def active(store: Store) -> list[str]:
    """The work that is under way, or that somebody has to look after; what its marker means, its record says."""
    return list(dict.fromkeys(key.removeprefix(ACTIVE).partition(".")[0] for key in store.list(ACTIVE)))


def note(store: Store, key: str) -> Entry | None:
    """Bring the index up to date for one run. Never fails: what could not be written is made good by `mend`."""
    try:
        return _note(store, key)
    except (StoreError, RunsError) as error:
        log.info("the index of runs does not know %s yet: %s", key[:11], error)
        return None


def close(store: Store, key: str) -> None:
    """Nothing more will be done about this work; the next attempt marks it again."""
    try:
        entry = _note(store, key)
        if entry is None or entry.ended is not None:
            _unmark(store, key, entry.attempt if entry else 1)
    except (StoreError, RunsError) as error:
        log.info("the index of runs still counts %s as under way: %s", key[:11], error)


def entries(
    store: Store,
    *,
    model: str | None = None,
    team: str | None = None,
    person: str | None = None,
    target: str | None = None,
) -> Iterator[Entry]:
    """The entries that fit, the latest first, one for each run; nothing is read beyond what is taken, but a batch."""
    asked = {"person": person, "model": model, "team": team, "target": target}
    wanted = {name: value for name, value in asked.items() if value is not None}
    seen: set[str] = set()
    for entry in _read(store, _places(store, wanted)):
        fits = all(name == "person" or getattr(entry, name) == value for name, value in wanted.items())
        if entry.key not in seen and fits:
            yield entry
        seen.add(entry.key)


def values(store: Store, kind: str) -> list[str]:
    """The models, teams, people or targets that runs are noted by, each as a part of a key."""
    prefix = f"{BY}{kind}/"
    return list(dict.fromkeys(key.removeprefix(prefix).partition("/")[0] for key in store.list(prefix)))


def mend(store: Store) -> list[str]:
    """Note the runs that were named and are not in the index, and those under way; the keys of those that were missing.

    Two lists are compared, so this is quick; `rebuild` looks at everything.
    """
    noted = {_name(place) for place in _places(store, {})}
    names = (key.removeprefix(f"{NAMES}/").removesuffix(".json") for key in store.list(f"{NAMES}/"))
    missing = []
    for name in names:
        record = _named(store, name) if name not in noted else None
        if record is not None and (spec := _last_name(store, record.key)) is not None and spec not in noted:
            missing.append(record.key)
    for key in dict.fromkeys((*missing, *active(store))):
        note(store, key)
    return list(dict.fromkeys(missing))


def rebuild(store: Store) -> int:
    """Throw the index away and make it anew from the records; the number of runs in it.

    Markers stay until their work has been noted, so that nothing under way is overlooked meanwhile.
    """
    keys = dict.fromkeys(
        record.key
        for name in store.list(f"{NAMES}/")
        if (record := _named(store, name.removeprefix(f"{NAMES}/").removesuffix(".json"))) is not None
    )
    for old in (*store.list(RUNS), *store.list(BY)):
        store.delete(old)
    with ThreadPoolExecutor(TOGETHER) as pool:
        made = list(pool.map(lambda key: note(store, key), (*keys, *(key for key in active(store) if key not in keys))))
    return sum(one is not None for one in made)


def put_entry(store: Store, entry: Entry) -> None:
    """Write an entry, and its place wherever it is looked for."""
    store.put(RUNS + entry.place, entry.to_bytes())
    for folder in _folders(store, entry):
        store.put(BY + folder + entry.place, b"{}")


def _note(store: Store, key: str) -> Entry | None:
    entry = entry_of(store, key)
    if entry is None:
        return None
    put_entry(store, entry)
    if entry.attempt > 1:
        _forget_earlier(store, entry)
    if entry.over:
        _unmark(store, key, entry.attempt)
    else:
        mark(store, key, entry.attempt)
    return entry


def _folders(store: Store, entry: Entry) -> list[str]:
    """Where else its place is noted: everybody who wants it counts as its person."""
    wishes = WorkKeys(entry.key).wishes
    wanting = {key.removeprefix(wishes).removesuffix(".json") for key in store.list(wishes)}
    people = {entry.person, *(wish.person for one in wanting if (wish := _wish(store, f"{wishes}{one}.json")))}
    pairs = [("model", entry.model), ("team", entry.team), ("target", entry.target)]
    pairs += [("person", person) for person in sorted(people)]
    return [_folder(kind, value) for kind, value in pairs if value]


def _folder(kind: str, value: str) -> str:
    return f"{kind}/{segment(value)}/"


def _wish(store: Store, key: str) -> Wish | None:
    try:
        return Wish.load(store, key)
    except RecordDamaged:
        return None


def _forget_earlier(store: Store, entry: Entry) -> None:
    """Take away what stands at the places of its earlier attempts."""
    for number in numbers(store, entry.key):
        spec = spec_of(store, entry.key, number)
        if spec is None or number == entry.attempt:
            continue
        place = place_of(spec.created, spec.name)
        store.delete(RUNS + place)
        earlier = entry.model_copy(update={"person": spec.submitted_by, "target": spec.place.target, "team": spec.team})
        for folder in _folders(store, earlier):
            store.delete(BY + folder + place)


def _places(store: Store, wanted: Mapping[str, str]) -> Iterator[str]:
    """The places in the index, the latest first."""
    kind = next(iter(wanted), None)
    prefix = RUNS if kind is None else BY + _folder(kind, wanted[kind])
    return (key.removeprefix(prefix) for key in store.list(prefix))


def _read(store: Store, places: Iterator[str]) -> Iterator[Entry]:
    """Their entries, several at once; those that are gone or damaged are passed over."""

    def load(place: str) -> Entry | None:
        try:
            return Entry.load(store, RUNS + place)
        except RecordDamaged as error:
            log.warning("%s", error)
            return None

    with ThreadPoolExecutor(TOGETHER) as pool:
        while batch := list(islice(places, TOGETHER)):
            yield from filter(None, pool.map(load, batch))


def _name(place: str) -> str:
    return place.rpartition("/")[2].partition("-")[2].removesuffix(".json")


def _named(store: Store, name: str) -> NameRecord | None:
    try:
        return NameRecord.load(store, f"{NAMES}/{name}.json")
    except RecordDamaged:
        return None


def _last_name(store: Store, key: str) -> str | None:
    found = numbers(store, key)
    spec = spec_of(store, key, found[-1]) if found else None
    return spec.name if spec else None


def _unmark(store: Store, key: str, attempt: int) -> None:
    """Take away the markers up to this attempt's; one of the next may stand there already."""
    for marker in list(store.list(f"{ACTIVE}{key}.")):
        if int(marker.rpartition(".")[2]) <= attempt:
            store.delete(marker)
