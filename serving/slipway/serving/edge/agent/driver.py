"""The agent of one model: journal, machine and ports joined.

    agent = Agent(model, device, disk=disk, clock=clock, channel=channel, engines=engines)
    agent.ask()              # a look at the channel is due; how often is the caller's
    rest = agent.run()       # until there is nothing to do for `rest.seconds`, or until the next `ask`

One step is one effect: what it rests on stands in the journal before, and what came of it afterwards. A journal that
cannot be written stops what is new and nothing that runs. No threads, and no sleeping but by the clock.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from slipway.serving.channel.looking import Channel
from slipway.serving.edge.agent.changes import PROVEN
from slipway.serving.edge.agent.clock import device_time
from slipway.serving.edge.agent.doing import Doing
from slipway.serving.edge.agent.effects import (
    Activate,
    Activated,
    Build,
    Device,
    Effect,
    Failed,
    Failing,
    Fetch,
    LookAtChannel,
    Outcome,
    Prove,
    Request,
    Rest,
    Shadow,
    Verify,
    View,
    Watching,
)
from slipway.serving.edge.agent.fetching import said
from slipway.serving.edge.agent.health import RULES, Rules
from slipway.serving.edge.agent.journal import Journal
from slipway.serving.edge.agent.machine import decide, settle
from slipway.serving.edge.agent.metering import UNLIMITED
from slipway.serving.edge.agent.ports import Clock, Disk, Engines, MaySwap, Meter
from slipway.serving.edge.agent.slots import Layout
from slipway.serving.edge.agent.starting import started
from slipway.serving.edge.agent.state import Installed, Phase, State
from slipway.serving.edge.agent.wanting import beside, wanted

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Trouble:
    """How often in a row something failed that another try may mend, and until when nothing is tried."""

    failures: int = 0
    until: float = 0.0


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
        journal: Journal | None = None,
        meter: Meter = UNLIMITED,
        rules: Rules = RULES,
        chance: Callable[[], float] = lambda: 0.5,
        boot: Callable[[], str] = lambda: "",
        may_swap: MaySwap = lambda _: 0.0,
    ) -> None:
        """`boot` names the start of the machine that this process is in; without it cut power looks like a crash.

        `may_swap` says when models may be exchanged, by the device's time.
        """
        self._may_swap = may_swap
        self.model, self.device = model, device
        self._clock, self._rules, self._chance, self._boot = clock, rules, chance, boot
        self._journal = journal or Journal(disk, Layout(model).journal)
        self._doing = Doing(model, device, disk=disk, clock=clock, channel=channel, engines=engines, meter=meter)
        self._state: State | None = None
        self._look_due = True
        self._request: Request | None = None
        self._trouble, self._damages = _Trouble(), 0
        self._unwritten, self._write_at = False, 0.0

    @property
    def state(self) -> State:
        """What stands in the journal; with the first question for it this start of the process is counted."""
        if self._state is None:
            self._state = self._started()
        return self._state

    @property
    def unwritten(self) -> bool:
        """The journal could not be written, as on a full disk, and what was to be done waits for that."""
        return self._unwritten

    @property
    def running(self) -> Installed | None:
        """What answers in this process."""
        return self._doing.running

    def now(self) -> datetime:
        """The device's time."""
        return device_time(self._clock.now(), self.device.enrolled, self.state)

    def ask(self, channel: Channel | None = None) -> None:
        """A look at the channel is due, or from now on at another one, such as a USB stick."""
        self._look_due = True
        if channel is not None:
            self._doing.follow(channel)

    def request(self, request: Request) -> None:
        """An operator's request; the next step carries it out, and once only."""
        self._request = request

    def step(self) -> tuple[Effect, Outcome]:
        """One effect, and what came of it."""
        state, view = self.state, self._view()
        effect = decide(state, view)
        outcome = self._doing.outcome(effect)
        self._note(effect, outcome)
        after = settle(state, effect, outcome, view)
        if self._keep(after) and isinstance(outcome, Watching):
            self._doing.watch(outcome.observed)
        if isinstance(effect, Prove) and self.state.phase is Phase.PROVE:
            self._failed(None)  # too slow for now
        if isinstance(outcome, Activated) and not self._unwritten:
            self._doing.running = self.state.active
        return effect, outcome

    def run(self) -> Rest:
        """Step until there is nothing to do now, or somebody asks to stop."""
        while True:
            effect, _ = self.step()
            if isinstance(effect, Rest):
                return effect
            if self._clock.wait(0):
                return Rest()

    def close(self) -> None:
        """The process ends because somebody asked it to: this start counts for no crash."""
        self._doing.close()
        with suppress(OSError):
            if self.state.started:
                self._write(self.state.model_copy(update={"started": False}))

    def _started(self) -> State:
        """The state with this start, which is written before anything is loaded again."""
        found = self._journal.read()
        state = found.newest.state if found.newest else State(model=self.model)
        for damage in found.damages:
            state = state.tell(max(self._clock.now(), self.device.enrolled), "journal", damage)
        self._state = started(state, self._boot())
        if found.newest is None or self._state != found.newest.state:
            self._keep(self._state, always=True)
        return self._state

    def _view(self) -> View:
        state, request = self.state, self._request
        if request is not None and request.id == state.answered:
            self._request = request = None
        now = self.now()
        return View(
            device=self.device,
            now=now,
            wanted=wanted(state, self.device, now),
            beside=beside(state, self.device, now),
            running=self._doing.running,
            shadowing=self._doing.shadowing,
            look_due=self._look_due,
            wait=max(0.0, self._trouble.until - self._clock.monotonic()),
            journal_wait=max(0.0, self._write_at - self._clock.monotonic()) if self._unwritten else 0.0,
            swap_in=self._may_swap(now) if state.phase in PROVEN else 0.0,
            observe_in=max(0.0, self._rules.every - self._doing.unwatched),
            request=request,
            rules=self._rules,
        )

    def _keep(self, state: State, *, always: bool = False) -> bool:
        """Write what has changed; False where the disk does not take it, and then nothing has changed."""
        if state == self._state and not always and not self._unwritten:
            return True
        try:
            self._write(state)
        except OSError as error:
            _log.warning("%s: the journal cannot be written: %s", self.model, said(error))
            self._unwritten, self._write_at = True, self._clock.monotonic() + self._rules.retry
            return False
        return True

    def _write(self, state: State) -> None:
        self._journal.write(state)
        known = {id(told) for told in self._state.told} if self._state else set()
        for told in state.told:
            if id(told) not in known:  # a later state has the same ones; to compare them all takes longer than to write
                _log.info("%s: %s: %s", self.model, told.what, told.why)
        self._state, self._unwritten = state, False

    def _note(self, effect: Effect, outcome: Outcome) -> None:
        """What this process has to remember of an outcome, beside the state."""
        if isinstance(effect, LookAtChannel):
            self._look_due = False
            return
        if isinstance(outcome, Failed):
            if outcome.failing is Failing.DAMAGED:
                self._doing.forget()
                self._trouble, self._damages = _Trouble(self._damages), self._damages + 1
            self._failed(outcome.seconds)
        elif isinstance(effect, (Fetch, Verify, Build, Prove, Shadow, Activate)):
            self._trouble = _Trouble()
        if isinstance(outcome, Activated):
            self._damages = 0

    def _failed(self, seconds: float | None) -> None:
        """Wait before the next try, twice as long each time, and by chance up to half as long again."""
        failures = self._trouble.failures + 1
        usual = min(self._rules.retry * 2.0 ** min(failures - 1, 20), self._rules.retry_longest)
        wait = usual * (1 + self._chance() / 2) if seconds is None else seconds
        self._trouble = _Trouble(failures, self._clock.monotonic() + wait)
