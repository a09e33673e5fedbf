"""A release's way through its waves, placed on a line of time: what a picture of it is drawn from.

Each wave has a lane, and a bar from the entry that began it to the one that ended it. Places are per cent of the width,
so the picture fits a phone without a script. Everything comes from the ledger's entries; what a plan has still ahead
stands in lanes without a bar.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from slipway.platform.ledger.describing import by, moment, plain
from slipway.platform.ledger.entry import Action, Written
from slipway.serving.channel.pointer import Wave
from slipway.serving.fleet.console.placing import SHORTEST, Line, Span, Tick, ticks
from slipway.serving.release import rules, wording
from slipway.serving.release.plan import PlannedWave, span_told
from slipway.serving.release.rollouts import Released, Rollout, Step

LANE: Final = 46
AXIS: Final = 26
AHEAD: Final = 0.35
"""Of the time that has passed, so much of what is still planned is drawn."""
SIGNS: Final = {
    Action.ADVANCE: "▸",
    Action.AGREE: "✓",
    Action.PAUSE: "‖",
    Action.RESUME: "▸",
    Action.ROLLBACK: "↶",
}


@dataclass(frozen=True)
class Mark:
    """An entry."""

    at: float
    sign: str
    told: str


@dataclass(frozen=True)
class Lane:
    """A wave."""

    name: str
    about: str
    more: str
    """What a narrow screen leaves out."""
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]
    top: int


@dataclass(frozen=True)
class Timeline:
    """Of one release."""

    release: int
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    now: float | None
    """Where now is, as long as it is on its way."""
    outcome: str
    """What became of it, in a line."""
    told: str
    """All of it in sentences, for whoever does not see the picture."""

    @property
    def high(self) -> int:
        """Of the picture."""
        return len(self.lanes) * LANE + AXIS


@dataclass(frozen=True)
class _Led:
    """A wave, as entries led it."""

    wave: Wave
    began: Written
    until: datetime
    last: bool


def timeline_of(rollout: Rollout, released: Released, now: datetime) -> Timeline:
    """The picture."""
    steps = [one for one in rollout.steps if one.release == released.number]
    begin, end = released.written.entry.at, _ended(rollout, released, now)
    waves = list(_waves(released, steps, end))
    under_way = released.number == rollout.target_number
    ahead = _ahead(released, waves[-1], now) if under_way else None
    line = Line(begin, max(_last(begin, end, ahead), begin + SHORTEST))
    lanes = tuple(_lanes(line, released, waves, steps, under_way=under_way, ahead=ahead))
    told = " ".join(f"{moment(one.written.entry.at)} UTC: {_said(one)}." for one in steps)
    return Timeline(
        release=released.number,
        lanes=lanes,
        ticks=tuple(ticks(line)),
        now=line.at(now) if under_way else None,
        outcome=_outcome(released, under_way=under_way),
        told=told or wording.begun(released),
    )


def _outcome(released: Released, *, under_way: bool) -> str:
    if released.undone:
        return f"Undone {_when(released.undone)}"
    if released.finished:
        return f"Everybody's since {_when(released.finished)}"
    return f"{'On its way since' if under_way else 'Begun'} {_when(released.written)}"


def _when(written: Written) -> str:
    reason = plain(written.entry.decision.reason)
    return f"{moment(written.entry.at)} UTC, by {by(written)}{f': {reason}' if reason else ''}"


def _ended(rollout: Rollout, released: Released, now: datetime) -> datetime:
    """When it was no longer on its way."""
    if released.number == rollout.target_number:
        return now
    over = [one.entry.at for one in (released.finished, released.undone) if one]
    later = [one.written.entry.at for one in rollout.releases.values() if one.number > released.number]
    return min((*over, *later), default=now)


def _waves(released: Released, steps: Sequence[Step], end: datetime) -> Iterator[_Led]:
    began = [(released.wave, released.written)]
    for one in steps:
        decision = one.written.entry.decision
        if decision.action is Action.ADVANCE and not rules.finishes(decision):
            began.append((rules.wave_in(decision), one.written))
    until = [*(written.entry.at for _, written in began[1:]), end]
    for place, ((wave, written), over) in enumerate(zip(began, until, strict=True)):
        yield _Led(wave, written, over, last=place == len(began) - 1)


def _ahead(released: Released, led: _Led, now: datetime) -> datetime | None:
    """Until when the wave that is led now should be done."""
    planned = _planned(released, led.wave)
    return max(led.began.entry.at + planned.deadline, now) if planned else None


def _last(begin: datetime, end: datetime, ahead: datetime | None) -> datetime:
    return end if ahead is None else min(ahead, end + max(AHEAD * (end - begin), SHORTEST))


def _planned(released: Released, wave: Wave) -> PlannedWave | None:
    place = released.plan.position(wave) if released.plan else None
    return released.plan.waves[place] if released.plan and place is not None else None


def _lanes(
    line: Line,
    released: Released,
    waves: Sequence[_Led],
    steps: Sequence[Step],
    *,
    under_way: bool,
    ahead: datetime | None,
) -> Iterator[Lane]:
    held = list(_held(steps, waves[-1].until))
    top = 0
    for led in waves:
        planned = _planned(released, led.wave)
        mine = [one for one in steps if led.began.entry.at <= one.written.entry.at <= led.until]
        marks = tuple(_mark(line, one) for one in mine if _marked(one, led))
        about, more = _about(led.wave)
        if planned and led.last and under_way:
            until = f"soak {span_told(planned.soak)}, until {moment(led.began.entry.at + planned.deadline)} UTC"
            more = f"{more}; {until}" if more else until
        spans = tuple(_spans(line, _kind(released, led, under_way=under_way), led, held, ahead if led.last else None))
        yield Lane(planned.name if planned else "wave", about, more, spans, marks, top)
        top += LANE
    place = released.plan.position(waves[-1].wave) if released.plan and under_way else None
    for planned in released.plan.waves[place + 1 :] if released.plan and place is not None else ():
        yield Lane(planned.name, _about(planned.wave)[0], "not begun", (), (), top)
        top += LANE


def _about(wave: Wave) -> tuple[str, str]:
    """Which devices, and how."""
    devices, _, how = wording.wave(wave).removeprefix("to ").partition(", ")
    return devices, how


def _kind(released: Released, led: _Led, *, under_way: bool) -> str:
    """Of a wave's bar."""
    if not led.last:
        return "done"
    return "now" if under_way else "undone" if released.undone and not released.finished else "done"


def _spans(
    line: Line, kind: str, led: _Led, held: Sequence[tuple[datetime, datetime]], ahead: datetime | None
) -> Iterator[Span]:
    begin = led.began.entry.at
    yield line.span(kind, begin, led.until, f"{moment(begin)} to {moment(led.until)} UTC")
    if ahead is not None and ahead > led.until:
        yield line.span("ahead", led.until, min(ahead, line.end), f"until {moment(ahead)} UTC at the latest")
    for first, last in held:
        if first < led.until and last > begin:
            told = f"paused {moment(first)} to {moment(last)} UTC"
            yield line.span("held", max(first, begin), min(last, led.until), told)


def _held(steps: Sequence[Step], end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """When it was paused."""
    since: datetime | None = None
    for one in steps:
        action, at = one.written.entry.decision.action, one.written.entry.at
        if action is Action.PAUSE:
            since = since or at
        elif since is not None and action in {Action.RESUME, Action.ROLLBACK, Action.ADVANCE}:
            yield since, at
            since = None
    if since is not None:
        yield since, end


def _marked(one: Step, led: _Led) -> bool:
    """Whether an entry is drawn in this lane; what begins a wave is the bar's own beginning, and ends none."""
    written = one.written
    if written.entry.decision.action not in SIGNS:
        return False
    begins_next = written.entry.at == led.until and not led.last
    return not begins_next and written.entry.number != led.began.entry.number


def _mark(line: Line, one: Step) -> Mark:
    decision = one.written.entry.decision
    sign = "✓" if rules.finishes(decision) else SIGNS[decision.action]
    return Mark(line.at(one.written.entry.at), sign, f"{moment(one.written.entry.at)} UTC: {_said(one)}")


def _said(one: Step) -> str:
    reason = plain(one.written.entry.decision.reason)
    return f"{one.what}, by {by(one.written)}{f': {reason}' if reason else ''}"
