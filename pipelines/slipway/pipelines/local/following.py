"""Following a stack from outside: what changes is told in a line each, as long as somebody waits for it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

from slipway.pipelines.local import standing
from slipway.pipelines.local.keeping import READY, Phase
from slipway.pipelines.local.parts import Tell
from slipway.pipelines.local.place import Place
from slipway.pipelines.local.standing import ComponentStanding, Standing
from slipway.platform.telling import duration

LOOK_SECONDS: Final = 0.15
SILENCE_SECONDS: Final = 10.0
"""After so long without a change, what is waited for is told."""
TOLD: Final = frozenset({Phase.HEALTHY, Phase.DONE, Phase.UNWELL, Phase.PAUSING, Phase.GIVEN_UP, Phase.STOPPED})


@dataclass
class Following:
    """One who watches."""

    place: Place
    tell: Tell
    clock: Callable[[], float] = time.monotonic
    _phases: dict[str, tuple[Phase, int]] = field(default_factory=dict)
    _told: float = 0.0

    def knowing(self) -> Self:
        """Only what changes from now on."""
        now = standing.read(self.place)
        self._phases = {one.name: (one.phase, one.restarts) for one in now.components} if now else {}
        return self

    def until(self, enough: Callable[[Standing | None], bool]) -> Standing | None:
        """Wait until it stands so, or no stack runs any more; its last word."""
        self._told = self.clock()
        while True:
            runs = standing.runs(self.place)
            now = standing.read(self.place)
            self._changes(now)
            if not runs or enough(now):
                return now
            self._waiting(now)
            time.sleep(LOOK_SECONDS)

    def _changes(self, now: Standing | None) -> None:
        for one in now.components if now else ():
            before = self._phases.get(one.name)
            self._phases[one.name] = one.phase, one.restarts
            if one.phase in TOLD and before != self._phases[one.name]:
                self.tell(sentence(one))
                self._told = self.clock()

    def _waiting(self, now: Standing | None) -> None:
        if now is None or now.healthy or self.clock() - self._told < SILENCE_SECONDS:
            return
        self._told = self.clock()
        over = {Phase.STOPPED, Phase.GIVEN_UP, Phase.DONE} | (set() if now.stopping else READY)
        late = [f"{one.name}{f' ({one.why})' if one.why else ''}" for one in now.components if one.phase not in over]
        self.tell(f"Still waiting for {', '.join(late) or 'what its parts have started, such as jobs'}")


def sentence(one: ComponentStanding) -> str:
    """A component's phase in words."""
    words = {
        Phase.HEALTHY: f"healthy{f' after {duration(one.took)}' if one.took else ''}",
        Phase.DONE: f"done after {duration(one.took)}",
        Phase.PAUSING: f"{one.why}; it is started again",
        Phase.GIVEN_UP: f"{one.why}; given up",
        Phase.UNWELL: f"unwell: {one.why}",
    }
    text = words.get(one.phase, str(one.phase))
    again = f" (started again {one.restarts} times)" if one.restarts > 1 and one.phase is Phase.HEALTHY else ""
    return f"{one.name}: {text}{again}{f', {one.address}' if one.address and one.phase is Phase.HEALTHY else ''}"
