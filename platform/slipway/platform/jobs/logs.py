"""A run's log, and following it while it grows: one read for each interval.

The log lies in the store in pieces, each named by the offset at which it begins. Whoever has read so far knows the name
of the next piece and asks for it; nothing is listed again. Whether the attempt has ended is asked only when nothing has
come for a while, or at once where the lock of an owner on this machine says that it is gone.

Following goes on with the next attempt as long as somebody looks after the work. It ends with the work.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.attaching import LOOK_SECONDS, REMOTE_LOOK_SECONDS
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs import index
from slipway.platform.runs.entries import GOES_ON
from slipway.platform.runs.layout import AttemptKeys, WorkKeys
from slipway.platform.runs.pieces import piece_at
from slipway.platform.runs.presence import Sign, sign_of
from slipway.platform.runs.records import AttemptSpec, Outcome, State
from slipway.platform.runs.standing import Here, Standing, numbers, spec_of, standing
from slipway.platform.store import Store, StoreUnreachable

STILL_SECONDS: Final = 6.0
"""A log piece comes at least every few seconds from a process that prints; after so long the record is asked."""
LINE: Final = b"\n"


@dataclass(frozen=True)
class Wanted:
    """Which log."""

    attempt: int | None = None
    """None is the last one, and whatever comes behind it."""
    node: int = 0
    tail: int | None = None
    """Only so many of the last lines to begin with."""


@dataclass(frozen=True)
class Piece:
    """Some of the log, or a remark about it."""

    text: bytes = b""
    remark: str = ""


@dataclass(frozen=True)
class Watch:
    """How patiently."""

    interval: float | None = None
    """Seconds between two reads; None goes by where the store is."""
    still: float = STILL_SECONDS
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def fitting(self, store: Store) -> "Watch":
        """With an interval for this store."""
        far = store.url.startswith("s3://")
        return replace(self, interval=self.interval or (REMOTE_LOOK_SECONDS if far else LOOK_SECONDS))


Fallback = Callable[[int, int], bytes]
"""What a launcher has of an attempt's node, when the store has nothing."""


def read_log(store: Store, key: str, wanted: Wanted, fallback: Fallback | None = None) -> bytes:
    """What there is now."""
    spec = chosen(store, key, wanted.attempt)
    _check_node(store, spec, wanted.node)
    text, _ = _read(store, _prefix(key, spec.number, wanted.node), wanted.tail)
    if not text and fallback is not None:
        text = _last_lines(fallback(spec.number, wanted.node), wanted.tail)
    return text


def follow_log(
    store: Store, key: str, here: Here, wanted: Wanted, watch: Watch = Watch(), fallback: Fallback | None = None
) -> Iterator[Piece]:
    """What there is and what comes, until the work has ended; or the attempt, where one was named."""
    spec: AttemptSpec | None = chosen(store, key, wanted.attempt)
    if spec is not None:
        _check_node(store, spec, wanted.node)
    tail = wanted.tail
    watch = watch.fitting(store)
    while spec is not None:
        following = _Following(store, key, spec, wanted.node, here, watch)
        yield from following.pieces(tail)
        if not following.offset and fallback is not None and (text := fallback(spec.number, wanted.node)):
            yield Piece(text)
        if wanted.attempt is not None:
            return
        yield Piece(remark=_told_end(store, key, spec))
        if _goes_on(store, standing(store, key, here)):
            yield Piece(remark="Waiting for the next attempt; `slipway jobs reconcile` makes it if nobody else does.")
        spec, tail = _next(store, key, here, spec, watch), None
        if spec is not None:
            yield Piece(remark=f"Attempt {spec.number} of {spec.name} ({spec.why}):")


def chosen(store: Store, key: str, number: int | None) -> AttemptSpec:
    """The attempt that is meant."""
    known = numbers(store, key)
    spec = spec_of(store, key, number if number is not None else known[-1]) if known else None
    if spec is not None:
        return spec
    if not known:
        raise WrongUse(f"{key[:11]} has no attempt, and so no log.", mend="Start it.")
    last = spec_of(store, key, known[-1])
    name = last.name if last else key[:11]
    raise WrongUse(f"{name} has no attempt {number}.", mend=f"It has {', '.join(map(str, known))}.")


def _check_node(store: Store, spec: AttemptSpec, node: int) -> None:
    """Refuse a node that the attempt does not have."""
    if node == 0:
        return
    nodes = JobSpec.load(store, spec.job).nodes if spec.job else 1
    if node >= nodes:
        there = ", ".join(map(str, range(nodes)))
        raise WrongUse(f"Attempt {spec.number} of {spec.name} has no node {node}.", mend=f"It has {there}.")


class _Following:
    """One attempt's log."""

    def __init__(self, store: Store, key: str, spec: AttemptSpec, node: int, here: Here, watch: Watch) -> None:
        self._store, self._key, self._spec, self._here, self._watch = store, key, spec, here, watch
        self._prefix = _prefix(key, spec.number, node)
        self._lived = self._ended = False
        self._said = ""
        self._quiet_since = watch.clock()
        self.offset = 0

    def pieces(self, tail: int | None) -> Iterator[Piece]:
        """What there is, then what comes."""
        text, self.offset = _read(self._store, self._prefix, tail)
        if text:
            yield Piece(text)
        yield from self._look()
        while True:
            try:
                piece = self._next()
                if piece is None and self._ended:
                    return
                if piece is None and self._may_have_ended():
                    yield from self._look()
                    continue
            except StoreUnreachable as error:
                piece = None
                yield from self._say(f"{error} Asking again.")
            if piece is not None:
                self._quiet_since = self._watch.clock()
                yield piece
            else:
                self._watch.sleep(self._watch.interval or LOOK_SECONDS)

    def _next(self) -> Piece | None:
        """The piece behind what was read: its name is known."""
        text = piece_at(self._store, self._prefix, self.offset)
        if text is None:
            return None
        self.offset += len(text)
        return Piece(text)

    def _look(self) -> Iterator[Piece]:
        """Find out whether nothing more will come; a remark about an attempt that has not begun."""
        self._quiet_since = self._watch.clock()
        if Outcome.load(self._store, WorkKeys(self._key).attempt(self._spec.number).outcome) is not None:
            self._ended = True
            return
        now = standing(self._store, self._key, self._here)
        self._ended = now.number > self._spec.number or not now.under_way
        if not self._ended and now.heartbeat is None:
            yield from self._say(now.told())

    def _say(self, remark: str) -> Iterator[Piece]:
        if remark != self._said:
            self._said = remark
            yield Piece(remark=remark)

    def _may_have_ended(self) -> bool:
        return self._is_gone() or self._watch.clock() - self._quiet_since >= self._watch.still

    def _is_gone(self) -> bool:
        """Whether an owner that lived on this machine no longer does; asks no store."""
        sign = sign_of(self._here.state, self._spec.nonce)
        gone = self._lived and sign is not Sign.HELD
        self._lived = sign is Sign.HELD
        return gone


def _next(store: Store, key: str, here: Here, last: AttemptSpec, watch: Watch) -> AttemptSpec | None:
    """The attempt behind this one, as long as somebody may make one."""
    while True:
        now = standing(store, key, here)
        if now.number > last.number:
            return spec_of(store, key, last.number + 1) or now.spec
        if not _goes_on(store, now):
            return None
        watch.sleep(watch.interval or LOOK_SECONDS)


def _goes_on(store: Store, now: Standing) -> bool:
    """Whether whoever owns the work makes another attempt, or has to say that there will be none."""
    if now.result is not None or now.spec is None or not now.spec.job:
        return False
    return (now.outcome is None or now.outcome.cause in GOES_ON) and now.key in index.active(store)


def _told_end(store: Store, key: str, spec: AttemptSpec) -> str:
    outcome = Outcome.load(store, WorkKeys(key).attempt(spec.number).outcome)
    if outcome is None:
        return f"Attempt {spec.number} of {spec.name} gives no sign of life."
    if outcome.state is State.DONE:
        return f"Attempt {spec.number} of {spec.name} is done."
    return f"Attempt {spec.number} of {spec.name} is {outcome.state}: {outcome.reason}"


def _prefix(key: str, number: int, node: int) -> str:
    attempt: AttemptKeys = WorkKeys(key).attempt(number)
    return attempt.node(node).log


def _read(store: Store, prefix: str, tail: int | None) -> tuple[bytes, int]:
    """The end of the log, with where the next piece begins."""
    keys = list(store.list(prefix))
    pieces: list[bytes] = []
    for key in reversed(keys):
        pieces.append(store.get(key))
        if tail is not None and sum(piece.count(LINE) for piece in pieces) > tail:
            break
    after = int(keys[-1].removeprefix(prefix)) + len(pieces[0]) if keys else 0
    return _last_lines(b"".join(reversed(pieces)), tail), after


def _last_lines(text: bytes, tail: int | None) -> bytes:
    if tail is None:
        return text
    return b"".join(text.splitlines(keepends=True)[-tail:]) if tail else b""
