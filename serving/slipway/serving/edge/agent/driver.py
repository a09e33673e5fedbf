"""The agent of one model: journal, machine and ports joined.

    agent = Agent(model, device, disk=disk, clock=clock, channel=channel, engines=engines)
    agent.ask()              # a look at the channel is due; how often is the caller's
    rest = agent.run()       # until there is nothing to do for `rest.seconds`, or until the next `ask`

One step is one effect: what it rests on stands in the journal before, and what came of it afterwards. A journal that
cannot be written stops what is new and nothing that runs. No threads, and no sleeping but by the clock.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from slipway.serving.bundle.errors import BadBundle
from slipway.serving.channel.looking import Channel
from slipway.serving.edge.agent.clock import device_time
from slipway.serving.edge.agent.effects import (
    Activate,
    Build,
    Device,
    Done,
    Effect,
    Failed,
    Failing,
    Fetch,
    LookAtChannel,
    Looked,
    Observe,
    Outcome,
    Prove,
    Proved,
    Request,
    Rest,
    Verify,
    View,
    Watching,
)
from slipway.serving.edge.agent.fetching import Fetching, said
from slipway.serving.edge.agent.health import RULES, Rules
from slipway.serving.edge.agent.journal import Journal
from slipway.serving.edge.agent.machine import decide, settle
from slipway.serving.edge.agent.metering import UNLIMITED
from slipway.serving.edge.agent.ports import Built, Clock, Disk, Engines, Meter, Observed
from slipway.serving.edge.agent.slots import Layout
from slipway.serving.edge.agent.state import Installed, Phase, State
from slipway.serving.edge.agent.verifying import damaged, verified
from slipway.serving.edge.agent.wanting import wanted
from slipway.serving.runtime.errors import ModelUnfit

_log = logging.getLogger(__name__)
COUNTED: Final = {Phase.BUILD, Phase.PROVE, Phase.ACTIVATE, Phase.PROBATION}
"""Phases in which a release may be what ended the process."""
NOTHING: Final = Observed(seconds=0.0, answered=0, failed=0, p95_ms=0.0, provider="", divergence={})


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
    ) -> None:
        self.model, self.device = model, device
        self._disk, self._clock, self._engines = disk, clock, engines
        self._channel, self._rules, self._chance = channel, rules, chance
        self._layout = Layout(model)
        self._journal = journal or Journal(disk, self._layout.journal)
        self._fetching = Fetching(self._layout, device, disk=disk, clock=clock, channel=channel, meter=meter)
        self._state: State | None = None
        self._running: Installed | None = None
        self._look_due = True
        self._request: Request | None = None
        self._trouble, self._damages = _Trouble(), 0
        self._unwritten, self._write_at = False, 0.0
        self._observed_at, self._observed = 0.0, NOTHING

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
        return self._running

    def now(self) -> datetime:
        """The device's time."""
        return device_time(self._clock.now(), self.device.enrolled, self.state)

    def ask(self, channel: Channel | None = None) -> None:
        """A look at the channel is due, or from now on at another one, such as a USB stick."""
        self._look_due = True
        if channel is not None:
            self._channel = self._fetching.channel = channel

    def request(self, request: Request) -> None:
        """An operator's request; the next step carries it out, and once only."""
        self._request = request

    def step(self) -> tuple[Effect, Outcome]:
        """One effect, and what came of it."""
        state, view = self.state, self._view()
        effect = decide(state, view)
        outcome = self._tried(effect)
        self._note(effect, outcome)
        after = settle(state, effect, outcome, view)
        if self._keep(after) and isinstance(outcome, Watching):
            self._observed_at, self._observed = self._clock.monotonic(), outcome.observed
        if isinstance(effect, Prove) and self.state.phase is Phase.PROVE:
            self._failed(None)  # too slow for now
        if isinstance(effect, Activate) and isinstance(outcome, Done) and not self._unwritten:
            self._running = self.state.active
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
        with suppress(OSError):
            if self.state.started:
                self._write(self.state.model_copy(update={"started": False}))

    def _started(self) -> State:
        """The state, with a start that ended without being asked to counted before anything is loaded again."""
        found = self._journal.read()
        state = found.newest.state if found.newest else State(model=self.model)
        for damage in found.damages:
            state = state.tell(max(self._clock.now(), self.device.enrolled), "journal", damage)
        crashes = state.crashes + 1 if state.started and state.phase in COUNTED else state.crashes
        self._state = state.model_copy(update={"started": True, "crashes": crashes})
        if found.newest is None or self._state != found.newest.state:
            self._keep(self._state, always=True)
        return self._state

    def _view(self) -> View:
        state, request = self.state, self._request
        if request is not None and request.id == state.answered:
            self._request = request = None
        since = self._clock.monotonic() - self._observed_at
        return View(
            device=self.device,
            now=self.now(),
            wanted=wanted(state, self.device),
            running=self._running,
            look_due=self._look_due,
            wait=max(0.0, self._trouble.until - self._clock.monotonic()),
            journal_wait=max(0.0, self._write_at - self._clock.monotonic()) if self._unwritten else 0.0,
            observe_in=max(0.0, self._rules.every - since),
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
        known = self._state.told if self._state else ()
        for told in state.told:
            if told not in known:
                _log.info("%s: %s: %s", self.model, told.what, told.why)
        self._state, self._unwritten = state, False

    def _note(self, effect: Effect, outcome: Outcome) -> None:
        """What this process has to remember of an outcome, beside the state."""
        if isinstance(effect, LookAtChannel):
            self._look_due = False
            return
        if isinstance(outcome, Failed):
            if outcome.failing is Failing.DAMAGED:
                self._fetching.forget()
                self._trouble, self._damages = _Trouble(self._damages), self._damages + 1
            self._failed(outcome.seconds)
        elif isinstance(effect, (Fetch, Verify, Build, Prove, Activate)):
            self._trouble = _Trouble()
        if isinstance(effect, Activate) and isinstance(outcome, Done):
            self._running, self._damages = effect.installed, 0
            self._observed_at, self._observed = self._clock.monotonic(), NOTHING

    def _failed(self, seconds: float | None) -> None:
        """Wait before the next try, twice as long each time, and by chance up to half as long again."""
        failures = self._trouble.failures + 1
        usual = min(self._rules.retry * 2.0 ** min(failures - 1, 20), self._rules.retry_longest)
        wait = usual * (1 + self._chance() / 2) if seconds is None else seconds
        self._trouble = _Trouble(failures, self._clock.monotonic() + wait)

    def _tried(self, effect: Effect) -> Outcome:
        """Do it; whatever goes wrong is an outcome."""
        does = self._effects.get(type(effect))
        if does is None:
            return Done()
        try:
            return does(self, effect)
        except ModelUnfit as error:
            return Failed(Failing.WRONG, str(error))
        except BadBundle as error:
            return Failed(Failing.DAMAGED, str(error))
        except Exception as error:  # noqa: BLE001 - what a runtime or a network raises has no common class
            _log.debug("%s: %s failed", self.model, type(effect).__name__, exc_info=True)
            return Failed(Failing.LATER, said(error) or type(error).__name__)

    def _look(self, _: LookAtChannel) -> Outcome:
        return Looked(self._channel.look(self.model, now=max(self._clock.now(), self.device.enrolled)))

    def _fetch(self, effect: Fetch) -> Outcome:
        return self._fetching.next(effect.coming)

    def _verify(self, effect: Verify) -> Outcome:
        return verified(self._layout, self.device, self._disk, effect.coming)

    def _build(self, effect: Build) -> Outcome:
        bundle = self._layout.bundle(self._disk, effect.coming)
        return self._engines.build(bundle, bundle.manifest.devices[self.device.device_class])

    def _prove(self, effect: Prove) -> Outcome:
        bundle = self._layout.bundle(self._disk, effect.coming)
        budget = bundle.manifest.devices[self.device.device_class]
        return Proved(self._engines.prove(bundle, budget, built(effect.coming)), budget)

    def _activate(self, effect: Activate) -> Outcome:
        installed = effect.installed
        damage = damaged(self._layout, self.device, self._disk, installed)
        if damage is not None:
            return Failed(Failing.DAMAGED, damage)
        bundle = self._layout.bundle(self._disk, installed)
        budget = bundle.manifest.devices[self.device.device_class]
        self._engines.activate(bundle, budget, built(installed), installed.release.number)
        return Done()

    def _observe(self, effect: Observe) -> Outcome:
        observed = self._engines.observed()
        if observed is None:
            self._running = None
            return Failed(Failing.LATER, "Nothing runs here any more.", seconds=0.0)
        bundle = self._layout.bundle(self._disk, effect.active)
        before = self._observed if observed.answered >= self._observed.answered else NOTHING
        return Watching(
            seconds=self._clock.monotonic() - self._observed_at,
            answered=observed.answered - before.answered,
            failed=max(0, observed.failed - before.failed),
            observed=observed,
            budget=bundle.manifest.devices[self.device.device_class],
        )

    _effects: Mapping[type, Callable[["Agent", Any], Outcome]] = {
        LookAtChannel: _look,
        Fetch: _fetch,
        Verify: _verify,
        Build: _build,
        Prove: _prove,
        Activate: _activate,
        Observe: _observe,
    }


def built(installed: Installed) -> Built:
    """What runs a release, as it was built; a release that was not has no variant."""
    if installed.variant is None:
        raise BadBundle(f"Release {installed.release.number} was not built.")
    return Built(installed.variant, installed.provider, installed.engine, installed.detail)
