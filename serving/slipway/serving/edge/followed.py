"""The device's models as `serve` has them: followed by the agent in a thread of its own, answering here meanwhile."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from slipway.serving.edge.agent.clock import SystemClock
from slipway.serving.edge.assembling import Assembled, assembled
from slipway.serving.edge.configuration import Home
from slipway.serving.edge.holding import held
from slipway.serving.edge.reporting import behind
from slipway.serving.edge.showing import shown_by
from slipway.serving.edge.standing import device_of
from slipway.serving.edge.stopping import GRACE_S
from slipway.serving.runtime.live_model import DEPTH, LiveModel

Tell = Callable[[str], None]


class FollowedModels:
    """`serve.models.Models` of the device in a folder, which is held until `close`."""

    def __init__(self, home: Home, *, tell: Tell, depth: int = DEPTH) -> None:
        self._clock = SystemClock()
        _hear_log(tell)
        self._open = ExitStack()
        home.make()
        self._open.enter_context(held(home.folder, "serve", self._clock.now()))
        self._device: Assembled = self._open.enter_context(
            assembled(home, self._clock, show=shown_by(tell), depth=depth)
        )
        self._thread = threading.Thread(target=self._device.following.follow, name="agent", daemon=True)

    def begin(self) -> None:
        """Have the agent begin; from then on its states are read here and written there."""
        for agent in self._device.following.agents.values():
            _ = agent.state
        self._thread.start()
        self._device.reporter.begin()

    def lives(self) -> Mapping[str, LiveModel]:
        return self._device.lives

    def problems(self) -> Mapping[str, str]:
        device = device_of(self._device.enrolment)
        agents = self._device.following.agents
        found = {name: behind(agent.state, device, agent.now()) for name, agent in agents.items()}
        return {name: why for name, why in found.items() if why is not None}

    def reload(self) -> None:
        self._device.following.look_soon()

    def close(self, seconds: float) -> None:
        """Answer what was admitted, let the agent end its step, and give the folder back."""
        self._clock.stop()
        for live in self._device.lives.values():
            live.close(seconds)
        if self._thread.is_alive():
            self._thread.join(max(seconds, GRACE_S))
        if not self._thread.is_alive():  # else its step ends with the process, which it survives
            self._open.close()


def _hear_log(tell: Tell) -> None:
    """What the agent logs, its reasons among it, is told like everything else."""
    for name in ("slipway.serving.edge.agent", "slipway.serving.edge.building"):
        log = logging.getLogger(name)
        log.setLevel(logging.INFO)
        log.propagate = False
        log.addHandler(_Telling(tell))


class _Telling(logging.Handler):
    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage())
