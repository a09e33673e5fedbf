"""Every way in which a list of envelopes is not the chain that was written, each with the number of the entry.

A store is looked at whole: all keys below `ledger/`, also those behind a gap, and against every head that somebody
noted. An export is a row of lines, whose places are told from what each says. Nothing stops at the first problem; what
only follows from another one is not told again.

A chain alone cannot show that its tail was cut off: only a head that somebody noted elsewhere can.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Self

from slipway.platform.identity import People
from slipway.platform.ledger import heads
from slipway.platform.ledger.checking import Checked, Kind, Place, Problem, check, misplaced
from slipway.platform.ledger.entry import FOLDER, Written, digest_of, entry_key
from slipway.platform.ledger.heads import Head
from slipway.platform.store import ObjectMissing, Store

PARALLEL: Final = 16
BATCH: Final = 256

Told = Callable[[int], None]
"""Hears how many entries were looked at."""
Noted = Sequence[tuple[Head, str]]
"""Heads, with who remembers each."""


@dataclass(frozen=True)
class Report:
    """What was found."""

    count: int
    head: Head | None
    """The newest entry that is there."""
    problems: tuple[Problem, ...] = ()
    """In the order of the numbers."""


@dataclass(frozen=True)
class Listing:
    """All that lies among a store's entries."""

    store: Store
    head: Head | None
    """As the store notes it; read before the entries were listed, so it is among them."""
    numbers: tuple[int, ...]
    strange: tuple[str, ...] = ()
    """Keys that are no entry's."""

    @classmethod
    def of(cls, store: Store) -> Self:
        """What is there now."""
        head = heads.noted_head(store)
        numbers, strange = [], []
        for key in store.list(f"{FOLDER}/"):
            name = key.removeprefix(f"{FOLDER}/").removesuffix(".json")
            if name.isascii() and name.isdecimal() and int(name) and entry_key(int(name)) == key:
                numbers.append(int(name))
            else:
                strange.append(key)
        return cls(store, head, tuple(numbers), tuple(strange))

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """Envelopes with the numbers of their places, in order."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            for first in range(0, len(self.numbers), BATCH):
                yield from filter(None, pool.map(self._piece, self.numbers[first : first + BATCH]))

    def _piece(self, number: int) -> tuple[int, bytes] | None:
        try:
            return number, self.store.get(entry_key(number))
        except ObjectMissing:  # removed a moment ago: the gap says so
            return None


def verify_store(
    store: Store,
    people: People,
    noted: Noted = (),
    told: Told = lambda _: None,
    keep: Callable[[bytes], object] = lambda _: None,
) -> Report:
    """Look at everything in a store; `keep` is given the envelopes, sound or not."""
    listing = Listing.of(store)
    walk = _Walk(people)
    for key in listing.strange:
        walk.problems.append(Problem(0, Kind.NUMBER, f"`{key}` lies among the entries and is none"))
    for number, envelope in listing.pieces():
        walk.take(number, envelope, walk.opened(number, envelope))
        keep(envelope)
        told(walk.count)
    return walk.report([*noted, *([(listing.head, "the store")] if listing.head else [])])


def verify_lines(lines: Iterable[bytes], people: People, noted: Noted = (), told: Told = lambda _: None) -> Report:
    """Look at envelopes in a row, as an export has them."""
    walk = _Walk(people)
    for line in lines:
        found = walk.opened(walk.expected, line)
        number = walk.expected if found.written is None else found.written.entry.number
        if number < walk.expected:
            walk.take_late(number)
        else:
            walk.take(number, line, walk.opened(number, line) if number > walk.expected else found)
        told(walk.count)
    return walk.report(noted)


@dataclass
class _Walk:
    """Goes along the places and keeps what it has seen."""

    people: People
    expected: int = 1
    before: Written | None = None
    """The entry in the place before."""
    reliable: bool = True
    """Whether that is what belongs there, as far as one can see."""
    count: int = 0
    last: Head | None = None
    problems: list[Problem] = field(default_factory=list)
    gaps: list[range] = field(default_factory=list)
    late: set[int] = field(default_factory=set)
    decisions: dict[str, int] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)

    def opened(self, number: int, envelope: bytes) -> Checked:
        """What an envelope says, apart from what it follows."""
        return check(Place(number, previous=None), envelope, self.people)

    def take(self, number: int, envelope: bytes, found: Checked) -> None:
        """An envelope in the place of that number."""
        self.count += 1
        self.problems += found.problems
        if number > self.expected:
            self.gaps.append(range(self.expected, number))
        written = found.written
        if written and self.reliable and number == self.expected == written.entry.number:
            self.problems += misplaced(Place.following(self.before), written.entry)
        self.reliable = written is not None and written.entry.number == number
        self.before, self.expected = written, number + 1
        self.digests[number] = digest_of(envelope)
        self.last = Head(number=number, digest=self.digests[number])
        if written and self.reliable and not found.void:
            self._note_decision(number, written.entry.decision.id)

    def take_late(self, number: int) -> None:
        """An entry whose place was passed already."""
        self.count += 1
        where = f"after entry {self.expected - 1}"
        self.problems.append(Problem(number, Kind.NUMBER, f"it stands {where}, too late or a second time"))
        self.late.add(number)

    def report(self, noted: Noted) -> Report:
        """All that was found, once the last place was passed."""
        self._tell_gaps()
        for head, who in noted:
            self._compare(head, who)
        problems = sorted(dict.fromkeys(self.problems), key=lambda one: one.number)
        return Report(self.count, self.last, tuple(problems))

    def _note_decision(self, number: int, decision: str) -> None:
        first = self.decisions.setdefault(decision, number)
        if first != number:
            self.problems.append(Problem(number, Kind.REPEATED, f"it repeats the decision of entry {first}"))

    def _tell_gaps(self) -> None:
        for gap in self.gaps:
            edges = [gap.start - 1, *sorted(number for number in self.late if number in gap), gap.stop]
            for low, high in pairwise(edges):
                self._tell_missing(low + 1, high - 1)

    def _tell_missing(self, first: int, last: int) -> None:
        if first <= last:
            text = "it is missing" if first == last else f"it is missing, and so are all up to {last}"
            self.problems.append(Problem(first, Kind.MISSING, text))

    def _compare(self, head: Head, who: str) -> None:
        found = self.digests.get(head.number)
        if found is None and head.number >= self.expected:
            text = f"it is missing: {who} noted entry {head.number}, and the list ends with {self.expected - 1}"
            self.problems.append(Problem(self.expected, Kind.MISSING, text))
        elif found is not None and found != head.digest:
            text = f"it is not the one that {who} noted ({found[:12]} instead of {head.digest[:12]})"
            self.problems.append(Problem(head.number, Kind.HEAD, text))
