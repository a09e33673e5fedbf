"""The agents of one device, one for each model, in one thread: one step of each in turn, and waiting in between.

So a model that is fetched over a slow line keeps no other from going back. A step that cannot be cut into slices does:
while engines are built (minutes, 30 at the most for each variant that is tried) or a release is proven (2 minutes at
the most), every model goes on answering, and all else waits for the end of that step: looks at the channel, the
watching of other models, and their undo, by the channel or by an operator. When the channel is looked at is
`polling`'s to say, when a step is to be tried again the agent's. What goes wrong with one model stays with that model.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from slipway.serving.channel.looking import Channel
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.effects import Become, Effect, Failed, LookAtChannel, Outcome, Rest
from slipway.serving.edge.agent.ports import Clock
from slipway.serving.edge.agent.state import State
from slipway.serving.edge.configuration import Polling
from slipway.serving.edge.inbox import Inbox
from slipway.serving.edge.polling import next_wait

log = logging.getLogger(__name__)

ASKED_EVERY_S: Final = 1.0
"""How often the inbox is looked into."""
UNWRITTEN_S: Final = 5.0
"""How long a journal that cannot be written is left alone."""
BROKEN_S: Final = 30.0
"""How long a model's agent is left alone after it failed in a way that nobody foresaw."""


@dataclass(frozen=True)
class Step:
    """What an agent just did, and how its model stands."""

    model: str
    effect: Effect
    outcome: Outcome
    before: State
    state: State


class Following:
    """All models of a device, with the channel that they follow."""

    def __init__(
        self,
        agents: Mapping[str, Agent],
        *,
        clock: Clock,
        inbox: Inbox,
        polling: Polling,
        draw: Callable[[], float],
        show: Callable[[Step], None],
        looked: Callable[[], None] = lambda: None,
    ) -> None:
        self.agents = agents
        self._clock, self._inbox, self._polling, self._draw = clock, inbox, polling, draw
        self._show, self._looked = show, looked
        self._looking: set[str] = set()
        self._look_failed = False
        self._failures = 0
        self._soon = False
        self._later: dict[str, float] = {}

    def follow(self) -> None:
        """Until somebody asks the clock to stop. Agents that have just begun look at once; what answered does first."""
        look_at = float("inf")
        self._looking, self._look_failed = set(self.agents), False
        while not self._clock.wait(0):
            if not self._looking and (self._soon or self._clock.monotonic() >= look_at):
                self._soon = False
                self.look()
            looking = bool(self._looking)
            rest = self.round()
            if looking and not self._looking:
                self._failures = self._failures + 1 if self._look_failed else 0
                look_at = self._clock.monotonic() + next_wait(self._polling, self._failures, self._draw())
            until_look = max(0.0, look_at - self._clock.monotonic())
            if (seconds := min(rest, ASKED_EVERY_S, ASKED_EVERY_S if self._looking else until_look)) > 0:
                self._clock.wait(seconds)

    def look_soon(self) -> None:
        """Look before it is time, within a second or so; from any thread."""
        self._soon = True

    def once(self, channel: Channel | None = None) -> list[Step]:
        """One look, and on from there as far as it goes without waiting; the steps that did something."""
        self.look(channel)
        return self.settle()

    def settle(self) -> list[Step]:
        """What is there to do now, with what was asked."""
        done: list[Step] = []
        for model in self.agents:
            while not self._clock.wait(0):
                step = self._step(model)
                if _until_next(step) > 0:
                    break
                done.append(step)
        return done

    def carry_out(self, model: str) -> None:
        """What an operator asks of a model, and nothing else."""
        while (request := self._inbox.get(model)) is not None:
            if self.agents[model].state.answered == request.id:
                self._inbox.drop(model)
            elif _until_next(self._step(model)) > 0:
                return

    def look(self, channel: Channel | None = None) -> None:
        """The channel is to be looked at, or another one."""
        for agent in self.agents.values():
            agent.ask(channel)
        self._looking, self._look_failed = set(self.agents), False

    def round(self) -> float:
        """One step of each model that has one; the seconds until there is another."""
        rest = float("inf")
        for model in self.agents:
            wait = self._later.get(model, 0.0) - self._clock.monotonic()
            if wait > 0:
                rest = min(rest, wait)
                continue
            try:
                step = self._step(model)
            except Exception:
                log.exception("The agent of %s failed; it goes on in %d s.", model, BROKEN_S)
                self._later[model] = self._clock.monotonic() + BROKEN_S
                self._looking.discard(model)
                continue
            rest = min(rest, _until_next(step))
        return rest

    def _step(self, model: str) -> Step:
        agent = self.agents[model]
        before = agent.state
        if (request := self._inbox.get(model)) is not None:
            if before.answered == request.id:
                self._inbox.drop(model)
            else:
                agent.request(request)
        effect, outcome = agent.step()
        step = Step(model, effect, outcome, before, agent.state)
        if isinstance(effect, LookAtChannel):
            self._looking.discard(model)
            self._look_failed |= isinstance(outcome, Failed)
            if not self._looking and not self._look_failed:
                self._looked()
        self._show(step)
        return step

    def close(self) -> None:
        """End, because somebody asked for it."""
        for model, agent in self.agents.items():
            try:
                agent.close()
            except OSError as error:  # noqa: PERF203 - each of them has its chance
                log.warning("%s: that this end was asked for could not be noted: %s", model, error)


def _until_next(step: Step) -> float:
    """Seconds until there is another step; a change that was not written, as on a full disk, is not tried at once."""
    if isinstance(step.effect, Rest):
        return float("inf") if step.effect.seconds is None else step.effect.seconds
    unwritten = isinstance(step.effect, Become) and step.state == step.before
    return UNWRITTEN_S if unwritten else 0.0
