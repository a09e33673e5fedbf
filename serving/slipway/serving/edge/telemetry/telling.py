"""Telemetry of a whole device: what its agent does, what its streams decide, and what its models answer.

One of these lives as long as the agent. It hears each step of the agent, each decision of the streams, and writes a
window every few minutes and at the end.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from slipway.serving.edge.agent.ports import Clock
from slipway.serving.edge.agent.state import State
from slipway.serving.edge.following import Step
from slipway.serving.edge.streams.telling import Decided
from slipway.serving.edge.telemetry.collecting import Collector
from slipway.serving.edge.telemetry.looking import Looking
from slipway.serving.edge.telemetry.sampling import Decision
from slipway.serving.edge.telemetry.spool import Spool
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.source import Notice

FILE: Final = "telemetry/spool.db"
"""In the device's folder."""
WINDOW_S: Final = 300.0


class DeviceTelemetry:
    """Fits the streams' `Telemetry`; `step` hears the agent."""

    def __init__(self, collector: Collector, clock: Clock, *, window_s: float = WINDOW_S) -> None:
        self._collector, self._clock, self._window_s = collector, clock, window_s
        self._flush_at = clock.monotonic() + window_s
        self._cameras: dict[str, str] = {}
        self._troubles: dict[str, str] = {}

    @property
    def collector(self) -> Collector:
        """What is kept until the fleet service has it."""
        return self._collector

    def cameras(self) -> dict[str, str]:
        """How each camera is; from any thread."""
        return dict(self._cameras)

    def camera(self, stream: str, state: str | None) -> None:
        """How a camera is, as whoever runs it knows better; None where there is none any more."""
        if state is None:
            self._cameras.pop(stream, None)
        else:
            self._cameras[stream] = state

    def troubles(self) -> dict[str, str]:
        """What of the site's configuration is not followed, and why; from any thread."""
        return dict(self._troubles)

    def trouble(self, about: str, why: str | None) -> None:
        """Something of it is not followed; None when it is again."""
        if why is None:
            self._troubles.pop(about, None)
        else:
            self._troubles[about] = why

    def step(self, step: Step) -> None:
        """An agent did something, or had nothing to do."""
        if (seen := step.state.seen) is not None:  # of the journal, so also where the channel is out of reach
            self._collector.sample_by(step.model, seen.pointer.sampling)
        if (told := told_of(step.state)) != told_of(step.before):
            why = step.state.told[-1] if step.state.told else None
            self._collector.state(step.model, {**told, "why": f"{why.what}: {why.why}" if why else ""})
        if self._clock.monotonic() >= self._flush_at:
            self._flush_at = self._clock.monotonic() + self._window_s
            self._collector.flush()

    def decided(self, one: Decided) -> None:
        """A stream's decision: a sample, where the policy asks for it."""
        strange = self._collector.strangeness(one.loaded.model, one.inputs, one.outputs)
        told = {**one.rules.told(), "stream": one.stream, **one.said}
        self._collector.sample(one.loaded, Decision(one.id, one.confidence, strange, told), one.picture)

    def count(self, name: str, times: int = 1) -> None:
        """Something happened in a stream."""
        self._collector.count(name, times)

    def noticed(self, notice: Notice) -> None:
        """A camera's state or size changed."""
        self.camera(notice.stream, notice.state.value)
        self._collector.count(f"camera.{notice.stream}.{notice.state.value}")


def told_of(state: State) -> dict[str, object]:
    """What others want to know of a model's state."""
    active = state.active
    return {
        "phase": state.phase.value,
        "release": active.release.number if active else None,
        "bundle": active.release.bundle if active else None,
        "variant": active.variant if active else None,
        "provider": active.provider if active else None,
        "bad": [one.number for one in state.bad],
    }


@contextmanager
def telemetry_of(
    folder: Path,
    clock: Clock,
    lives: Mapping[str, LiveModel],
    looks: Mapping[str, Looking],
    *,
    window_s: float = WINDOW_S,
) -> Iterator[DeviceTelemetry]:
    """The telemetry of the device in this folder, until the last window is written."""
    collector = Collector(lambda: Spool(folder / FILE), now=clock.now)
    for model, live in lives.items():
        collector.follow(model, live, looks[model])
    try:
        yield DeviceTelemetry(collector, clock, window_s=window_s)
    finally:
        collector.close()
