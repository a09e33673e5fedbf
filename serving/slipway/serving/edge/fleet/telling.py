"""What a device tells of itself in a report: how its models and cameras stand, and a part of its spool.

The agent's thread says what it did; the thread that sends takes what is true then. Neither waits for the other.
"""

import base64
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from pydantic import ValidationError

from slipway.serving.channel.site import MOST_STREAMS
from slipway.serving.edge.agent.clock import device_time
from slipway.serving.edge.agent.ports import Clock
from slipway.serving.edge.agent.state import State
from slipway.serving.edge.configuration import Enrolment
from slipway.serving.edge.fleet.wire import LARGEST_RECORD, LONGEST_CAMERA, LONGEST_WHY, Record, Report, Standing
from slipway.serving.edge.following import Step
from slipway.serving.edge.standing import agent_version, device_of, standing
from slipway.serving.edge.telemetry import spool
from slipway.serving.edge.telemetry.telling import told_of

log = logging.getLogger(__name__)

DAY: Final = len("2026-01-01")
MOST_BAD: Final = 64


class Cameras(Protocol):
    """Who knows how the cameras are."""

    def cameras(self) -> Mapping[str, str]:
        """The state of each, by name."""

    def troubles(self) -> Mapping[str, str]:
        """What of the site's configuration is not followed, and why."""


class Standings:
    """How this device stands, from any thread."""

    def __init__(
        self,
        enrolment: Enrolment,
        clock: Clock,
        states: Mapping[str, State],
        cameras: Cameras,
        *,
        site: Callable[[], int] = lambda: 0,
    ) -> None:
        """`changed` is set when there is something new to tell at once; `site` is the sequence of what is followed."""
        self.changed = threading.Event()
        self._enrolment, self._clock, self._cameras, self._site = enrolment, clock, cameras, site
        self._states = dict(states)

    def step(self, step: Step) -> None:
        """The agent did something."""
        before = self._states.get(step.model)
        self._states[step.model] = step.state
        if before is None or _told(before) != _told(step.state):
            self.changed.set()

    def report(self, records: Sequence[Record] = (), left: int = 0) -> Report:
        """All of it now."""
        now, device = self._clock.now(), device_of(self._enrolment)
        states = list(self._states.values())
        times = [device_time(now, self._enrolment.enrolled_at, state) for state in states]
        troubles = "".join(f" {about}: {why}" for about, why in self._cameras.troubles().items())
        cameras = dict(list(self._cameras.cameras().items())[:MOST_STREAMS])
        return Report(
            at=now,
            time=max(times, default=now),
            agent=agent_version(),
            site=self._site(),
            standings=tuple(
                standing_of(state, f"{standing(state, device, time)}{'' if number else troubles}")
                for number, (state, time) in enumerate(zip(states, times, strict=True))
            ),
            streams={name: state[:LONGEST_CAMERA] for name, state in cameras.items()},
            records=tuple(records),
            left=left,
        )


def standing_of(state: State, why: str) -> Standing:
    """A model's state as the service has it."""
    active, coming = state.active, state.coming
    return Standing(
        model=state.model,
        phase=state.phase.value,
        release=active.release.number if active else None,
        bundle=active.release.bundle if active else None,
        variant=active.variant if active else None,
        provider=active.provider if active else "",
        shadow=state.shadow,
        coming=coming.release.number if coming else None,
        bad=tuple(one.number for one in state.bad)[-MOST_BAD:],
        sequence=state.sequence,
        why=why if len(why) <= LONGEST_WHY else f"{why[: LONGEST_WHY - 1]}…",
    )


def records_of(batch: spool.Batch) -> tuple[Record, ...]:
    """A batch of the spool for the service; a record that no service would take is left out, and told."""
    return tuple(filter(None, map(_record, batch.records)))


def _record(one: spool.Record) -> Record | None:
    at = f"{one.at}T00:00:00Z" if len(one.at) == DAY else one.at
    body = base64.b64encode(one.body)
    try:
        if len(one.body) <= LARGEST_RECORD:
            return Record(
                name=one.name, kind=one.kind, subject=one.subject, at=datetime.fromisoformat(_offset(at)), body=body
            )
        why = f"{len(one.body):,} bytes are too many"
    except (ValidationError, ValueError) as error:
        why = str(error).splitlines()[0]
    log.warning("A record of the spool, %s of %s, cannot be told: %s.", one.kind, one.subject[:100], why)
    return None


def _offset(at: str) -> str:
    """As Python 3.10 reads it."""
    return f"{at[:-1]}+00:00" if at.endswith("Z") else at


def _told(state: State) -> tuple[object, ...]:
    """What is worth a report of its own."""
    return (told_of(state), state.coming.release.number if state.coming else None)
