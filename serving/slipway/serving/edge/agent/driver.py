"""The agent of one model: journal, machine and ports joined.

    agent = Agent(model, device, journal=journal, disk=disk, clock=clock, channel=channel, engines=engines)
    agent.ask()              # a look at the channel is due; how often is the caller's
    rest = agent.run()       # until there is nothing to do for `rest.seconds`, or until the next `ask`

One step is one effect: what it rests on stands in the journal before, and what came of it afterwards. No threads, and
no sleeping but by the clock.
"""

from collections.abc import Callable

from slipway.serving.channel.looking import Channel
from slipway.serving.edge.agent.effects import Device, Effect, Outcome, Request, Rest
from slipway.serving.edge.agent.health import RULES, Rules
from slipway.serving.edge.agent.ports import Clock, Disk, Engines
from slipway.serving.edge.agent.state import State


class Agent:
    """One model on one device."""

    def __init__(
        self,
        model: str,
        device: Device,
        *,
        disk: Disk,
        clock: Clock,
        channel: Channel,
        engines: Engines,
        rules: Rules = RULES,
        chance: Callable[[], float] = lambda: 0.5,
    ) -> None:
        raise NotImplementedError

    @property
    def state(self) -> State:
        """What stands in the journal."""
        raise NotImplementedError

    def ask(self, channel: Channel | None = None) -> None:
        """A look at the channel is due, or at another one, such as a USB stick, from now on."""
        raise NotImplementedError

    def request(self, request: Request) -> None:
        """An operator's request; the next step carries it out, and once only."""
        raise NotImplementedError

    def step(self) -> tuple[Effect, Outcome]:
        """One effect, and what came of it."""
        raise NotImplementedError

    def run(self) -> Rest:
        """Step until there is nothing to do now."""
        raise NotImplementedError

    def close(self) -> None:
        """The process ends because somebody asked it to: this start counts for no crash."""
        raise NotImplementedError
