"""What has to hold on a device after every event.

A *switch* is that another release answers than the journal says: that one comes up again after each start, whatever a
cut took away between the switch and its entry. What a switch brings has to be signed by the release key, whole, proven
here, made for this class, not below any floor that this device has seen, and allowed by the newest pointer that it has
believed: to all, to its part of the wave or by its pin. What it believed has to be signed, must not be older than what
it had believed before, and must not be expired by what it can know of the time: its clock, or the newest date that it
has seen signed, whichever is later. A clock that is behind and a mirror that stands still together hide an expiry from
any device, so true time is not asked.
"""

from collections.abc import Callable, Iterator

from slipway.serving.channel.pointer import Named
from slipway.serving.edge.agent.effects import Device
from slipway.serving.edge.agent.ports import Clock
from slipway.serving.edge.agent.state import Seen, State
from slipway.serving.fleet.simulation.record import Record, allows, floor_of
from slipway.serving.fleet.simulation.runtime import Lived

MOST_ENDS = 6
"""Of the process, by one release: more than the agent's rules allow."""


class Witness:
    """One device, watched from outside; it remembers what the device has to."""

    def __init__(self, record: Record, device: Device, clock: Clock, lived: Lived, closed: Callable[[], bool]) -> None:
        """`closed` says whether models may not be exchanged now."""
        self._record, self._device, self._clock, self._lived, self._closed = record, device, clock, lived, closed
        self._floor = self._sequence = self._judged = 0
        self._seen: Seen | None = None
        self._answers: tuple[int, str] | None = None
        """What its journal says."""
        self.excused = False
        """Somebody damaged its slots, so that it may be without a model until it has fetched one."""

    def broken(self, state: State) -> Iterator[str]:
        """What does not hold."""
        if state.seen is not None and state.seen != self._seen:
            yield from self._believed(state.seen)
        for became in self._lived.became[self._judged :]:
            if not became.whole:
                yield f"release {became.number} became active from files that are not those of its bundle"
            if (became.number, became.bundle) != self._answers:
                yield from self._switched(became.number, became.bundle, first=became.first)
        self._judged = len(self._lived.became)
        if state.active is not None:
            release = state.active.release
            if (release.number, release.bundle) != self._answers:
                yield from self._switched(release.number, release.bundle, first=False)
            self._answers = (release.number, release.bundle)
        has_model = state.active or state.coming or state.before
        if self._lived.became and not has_model and not self.excused:
            yield "it had a model and has none"
        for bundle, ends in self._lived.ends.items():
            if ends > MOST_ENDS:
                yield f"the bundle {bundle[:12]} has ended its process {ends} times"

    def _believed(self, seen: Seen) -> Iterator[str]:
        pointer, known = seen.pointer, max(self._clock.now(), self._device.enrolled, seen.signed_at)
        if pointer not in self._record.pointers:
            yield f"it believed a pointer with the sequence {pointer.sequence}, and nobody signed it"
        if pointer.sequence < self._sequence:
            yield f"it believed the pointer {pointer.sequence} after {self._sequence}"
        if self._seen is not None and seen.signed_at < self._seen.signed_at:
            yield f"it believed what was signed at {seen.signed_at:%Y-%m-%d %H:%M} after something newer"
        if seen.good_until < known:
            yield f"it believed what was good until {seen.good_until:%Y-%m-%d %H:%M}, at {known:%Y-%m-%d %H:%M}"
        self._seen, self._sequence = seen, max(self._sequence, pointer.sequence)
        self._floor = max(self._floor, floor_of(pointer, self._record.releases))

    def _switched(self, number: int, bundle: str, *, first: bool) -> Iterator[str]:
        seen = self._seen
        if not self._record.is_signed(number, bundle):
            yield f"release {number} became active, and nobody signed it"
            return
        if bundle not in self._lived.proven:
            yield f"release {number} became active and never proved itself"
        if (made_for := self._record.plans[bundle].device_class) != self._device.device_class:
            yield f"release {number} became active and is made for {made_for}"
        if first and self._closed() and self._answers is not None and number > self._answers[0]:
            yield f"release {number} became active outside of its window"
        if number < self._floor:
            yield f"release {number} became active below the floor {self._floor}"
        if seen is None:
            yield f"release {number} became active, and no pointer was seen"
            return
        known = max(self._clock.now(), self._device.enrolled, seen.signed_at)
        if first and known > seen.good_until:
            yield f"release {number} became active at {known:%Y-%m-%d}, expired since {seen.good_until:%Y-%m-%d}"
        if first and not allows(seen.pointer, self._device, Named(number=number, bundle=bundle), known):
            yield f"release {number} became active, and the pointer {seen.pointer.sequence} has another for it"
