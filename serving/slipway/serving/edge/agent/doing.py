"""Each effect, done through the ports: the machine decides, the driver remembers, and here it happens.

Whatever goes wrong is an outcome. An effect that was cut off is done again from the beginning, so each may be done
twice. What is kept here belongs to this process: what answers in it, and since when it is watched.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass
from slipway.serving.channel.looking import Channel
from slipway.serving.edge.agent.effects import (
    Activate,
    Activated,
    Build,
    Device,
    Done,
    Effect,
    Failed,
    Failing,
    Fetch,
    LookAtChannel,
    Looked,
    NotShadowed,
    Observe,
    Outcome,
    Prove,
    Proved,
    Shadow,
    Unshadow,
    Verify,
    Watching,
)
from slipway.serving.edge.agent.fetching import Fetching, said
from slipway.serving.edge.agent.ports import Built, Clock, Disk, Engines, Meter, Observed
from slipway.serving.edge.agent.refusing import no_room
from slipway.serving.edge.agent.slots import Layout
from slipway.serving.edge.agent.state import Installed
from slipway.serving.edge.agent.verifying import damaged, verified
from slipway.serving.runtime.errors import ModelUnfit

_log = logging.getLogger(__name__)
NOTHING: Final = Observed(seconds=0.0, answered=0, failed=0, p95_ms=0.0, provider="", divergence={}, lately={})


class Doing:
    """What one model's agent can do on its device."""

    def __init__(
        self, model: str, device: Device, *, disk: Disk, clock: Clock, channel: Channel, engines: Engines, meter: Meter
    ) -> None:
        self._model, self._device, self._layout = model, device, Layout(model)
        self._disk, self._clock, self._engines = disk, clock, engines
        self._fetching = Fetching(self._layout, device, disk=disk, clock=clock, channel=channel, meter=meter)
        self.running: Installed | None = None
        """What answers in this process."""
        self.shadowing: Shadow | None = None
        """What runs beside it, or was refused that."""
        self._watched_at, self._watched = 0.0, NOTHING

    def follow(self, channel: Channel) -> None:
        """Look at another channel from now on."""
        self._fetching.channel = channel

    def forget(self) -> None:
        """What lies on the disk may be other than it was."""
        self._fetching.forget()

    def watch(self, so_far: Observed) -> None:
        """This much was judged; the next observation tells what comes after it."""
        self._watched_at, self._watched = self._clock.monotonic(), so_far

    @property
    def unwatched(self) -> float:
        """Seconds since then."""
        return self._clock.monotonic() - self._watched_at

    def outcome(self, effect: Effect) -> Outcome:
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
            _log.debug("%s: %s failed", self._model, type(effect).__name__, exc_info=True)
            return Failed(Failing.LATER, said(error) or type(error).__name__)

    def _look(self, _: LookAtChannel) -> Outcome:
        now = max(self._clock.now(), self._device.enrolled)
        return Looked(self._fetching.channel.look(self._model, now=now))

    def _fetch(self, effect: Fetch) -> Outcome:
        return self._fetching.next(effect.coming)

    def _verify(self, effect: Verify) -> Outcome:
        return verified(self._layout, self._device, self._disk, effect.coming)

    def _build(self, effect: Build) -> Outcome:
        return self._engines.build(*self._bundle(effect.coming))

    def _prove(self, effect: Prove) -> Outcome:
        bundle, budget = self._bundle(effect.coming)
        return Proved(self._engines.prove(bundle, budget, built(effect.coming)), budget)

    def _shadow(self, effect: Shadow) -> Outcome:
        coming, active = effect.coming, effect.active
        damage = damaged(self._layout, self._device, self._disk, coming)
        if damage is not None:
            return Failed(Failing.DAMAGED, damage)
        bundle, budget = self._bundle(coming)
        if (why := no_room(coming, active, budget)) is not None:
            self._engines.unshadow()
        else:
            why = self._engines.shadow(bundle, budget, built(coming), coming.release.number, effect.frames)
        self.shadowing = effect
        return Done() if why is None else NotShadowed(why)

    def _unshadow(self, _: Unshadow) -> Outcome:
        self._engines.unshadow()
        self.shadowing = None
        return Done()

    def close(self) -> None:
        """Let nothing run beside what answers any more."""
        if self.shadowing is not None:
            self._unshadow(Unshadow())

    def _activate(self, effect: Activate) -> Outcome:
        installed = effect.installed
        damage = damaged(self._layout, self._device, self._disk, installed)
        if damage is not None:
            return Failed(Failing.DAMAGED, damage)
        before = self._before()
        self._engines.activate(*self._bundle(installed), built(installed), installed.release.number)
        self.running = installed
        self.watch(NOTHING)
        return Activated(before)

    def _before(self) -> Observed | None:
        """How what answers does; what cannot tell any more is exchanged all the same."""
        try:
            return self._engines.observed()
        except Exception:  # noqa: BLE001 - as above
            _log.debug("%s: what answers tells nothing", self._model, exc_info=True)
            return None

    def _observe(self, effect: Observe) -> Outcome:
        observed = self._engines.observed()
        if observed is None:
            self.running = None
            return Failed(Failing.LATER, "Nothing runs here any more.", seconds=0.0)
        _, budget = self._bundle(effect.active)
        before = self._watched if observed.answered >= self._watched.answered else NOTHING
        return Watching(
            seconds=self.unwatched,
            answered=observed.answered - before.answered,
            failed=max(0, observed.failed - before.failed),
            observed=observed,
            budget=budget,
        )

    def _bundle(self, installed: Installed) -> tuple[Bundle, DeviceClass]:
        """What lies in the slot, and what it may cost here."""
        bundle = self._layout.bundle(self._disk, installed)
        budget = bundle.manifest.devices[self._device.device_class]
        latency_ms = budget.latency_ms * self._device.latency_times
        return bundle, budget.model_copy(update={"latency_ms": latency_ms})

    _effects: Mapping[type, Callable[["Doing", Any], Outcome]] = {
        LookAtChannel: _look,
        Fetch: _fetch,
        Verify: _verify,
        Build: _build,
        Prove: _prove,
        Shadow: _shadow,
        Unshadow: _unshadow,
        Activate: _activate,
        Observe: _observe,
    }


def built(installed: Installed) -> Built:
    """What runs a release, as it was built; a release that was not has no variant."""
    if installed.variant is None:
        raise BadBundle(f"Release {installed.release.number} was not built.")
    return Built(installed.variant, installed.provider, installed.engine, installed.detail)
