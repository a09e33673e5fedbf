"""The streams that a site's configuration names, beside the agent: begun, exchanged and ended one by one.

Every moment what runs is compared with what the configuration in force says. A stream of which nothing changed goes on
without losing a frame, by the thresholds in force; one that changed answers the frames that were admitted, ends, and
begins anew; one that cannot be begun is told and tried again, and holds up no other. So every event names the
configuration whose areas, masks and thresholds made it. Nothing here stops the agent.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from slipway.serving.channel.site import Stream as Configured
from slipway.serving.edge.agent.clock import SystemClock
from slipway.serving.edge.configuration import Home
from slipway.serving.edge.decisions import Namer
from slipway.serving.edge.fleet.logins import opened_as, stamp_of
from slipway.serving.edge.fleet.site import InForce
from slipway.serving.edge.fleet.streams_page import Page, write_page
from slipway.serving.edge.streams.areas import between
from slipway.serving.edge.streams.asking import Asker
from slipway.serving.edge.streams.events import stamp
from slipway.serving.edge.streams.masking import MaskedSource
from slipway.serving.edge.streams.roles import roles_of
from slipway.serving.edge.streams.rules import Rules
from slipway.serving.edge.streams.running import LOOK_EVERY, SECONDS_TO_END, Settings
from slipway.serving.edge.streams.stream import Models, Stream, Telling
from slipway.serving.edge.streams.telling import Telemetry
from slipway.serving.edge.streams.told import Counting, Told
from slipway.serving.errors import SlipwayError
from slipway.serving.runtime.cameras.opening import open_source
from slipway.serving.runtime.live import Live
from slipway.serving.runtime.source import Notice, Source

log = logging.getLogger(__name__)

AGAIN_S: Final = 5.0
"""Before a stream that could not be begun is tried again."""
PAGE_S, UNWRITTEN_S = 1.0, 60.0
"""Between two pages; after one that the disk did not take."""
FAILED, WAITS, ENDED = "failed", "waits", "ended"
"""Of a stream that does not run; what runs is as its camera is."""
MODELS_COME: Final = (
    "Not all models are here yet, so nobody knows which one looks at frames; `detect` and `embed`, or `model`, say it."
)


class Site(Protocol):
    """Who knows what is configured; `site.SiteFollowing`."""

    @property
    def in_force(self) -> InForce:
        """What this device follows."""


class SiteTelemetry(Telemetry, Protocol):
    """Who tells the fleet service; `telemetry.telling.DeviceTelemetry`."""

    def cameras(self) -> Mapping[str, str]:
        """How each camera is."""

    def camera(self, stream: str, state: str | None) -> None:
        """How a camera is; None where there is none any more."""

    def troubles(self) -> Mapping[str, str]:
        """What is wrong, by what it is about."""

    def trouble(self, about: str, why: str | None) -> None:
        """Something is wrong; None when it is no longer."""


@dataclass(frozen=True)
class Wanted:
    """A stream as it should run. It is another one when anything of it is."""

    configured: Configured
    login: tuple[int, ...]
    """Which state of the file its login stands in."""


class _Running:
    """One stream that was begun."""

    def __init__(self, wanted: Wanted, stop: threading.Event) -> None:
        self.wanted, self.stop = wanted, stop
        self.stream: Stream
        self.counting: Counting
        self._lock = threading.Lock()
        self._gone = False

    def heard(self, told: Told, notice: Notice) -> None:
        """A word of its camera, which counts as long as the stream is there."""
        with self._lock:
            if not self._gone:
                told.notice(notice)

    def halt(self) -> None:
        """Have it end; what was admitted is answered."""
        self.stop.set()
        self.stream.source.close()

    def forget(self) -> None:
        """Nothing of its camera is heard any more."""
        with self._lock:
            self._gone = True


class SiteStreams:
    """Of one device. One thread looks; `begin` and `end` are another's."""

    def __init__(
        self,
        site: Site,
        lives: Mapping[str, Live],
        told: Told,
        telemetry: SiteTelemetry,
        *,
        home: Home,
        clock: SystemClock,
        settings: Settings,
    ) -> None:
        self._site, self._lives, self._told, self._telemetry = site, lives, told, telemetry
        self._home, self._clock, self._settings = home, clock, settings
        self._namer = Namer(settings.device, clock.now)
        self._running: dict[str, _Running] = {}
        self._resting: dict[str, tuple[Wanted, float]] = {}
        """What was not begun, or ended by itself, and when it is tried again."""
        self._page: Page | None = None
        self._page_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="site-streams", daemon=True)

    def begin(self) -> None:
        """Follow until `end`."""
        self._thread.start()

    def end(self) -> None:
        """Have all streams end; what was admitted is answered and told before this returns."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(SECONDS_TO_END + AGAIN_S)

    def look(self) -> None:
        """Compare what runs with what should, and do what is there to do."""
        in_force = self._site.in_force
        wanted = self._wanted(in_force)
        for name, one in list(self._running.items()):
            one.counting.look()
            if wanted.get(name) != one.wanted and not one.stop.is_set():
                one.halt()
            if one.stream.join(0):
                self._ended(name, one)
            elif not one.stop.is_set():
                one.stream.rules = in_force.rules
        for name in [name for name, (before, _) in self._resting.items() if wanted.get(name) != before]:
            self._forget(name)
        for name, what in wanted.items():
            if name not in self._running and self._is_due(name):
                self._try(name, what, in_force.rules)
        self._tell(in_force.rules.number)

    def close(self) -> None:
        """End all of them."""
        for one in self._running.values():
            one.halt()
        for name, one in list(self._running.items()):
            if one.stream.join(SECONDS_TO_END):
                self._ended(name, one)
            else:
                log.warning("The stream %s did not end in time.", name)

    def _run(self) -> None:
        failing = False
        while not (self._told.gone.is_set() or self._stop.wait(AGAIN_S if failing else LOOK_EVERY)):
            try:
                self.look()
                failing = False
            except Exception:  # noqa: PERF203 - the next look may do better
                log.exception("The streams of the site could not be looked after; it is tried again.")
                failing = True
        self.close()
        if self._told.gone.is_set():  # as with cameras of the command line: nobody reads what the process says
            self._clock.stop()

    def _wanted(self, in_force: InForce) -> dict[str, Wanted]:
        if in_force.config is None:
            return {}
        streams = in_force.config.streams_of(self._settings.device)
        return {name: Wanted(one, stamp_of(self._home.folder, one.source)) for name, one in streams.items()}

    def _is_due(self, name: str) -> bool:
        return name not in self._resting or self._clock.monotonic() >= self._resting[name][1]

    def _try(self, name: str, wanted: Wanted, rules: Rules) -> None:
        """Begin a stream; what stands in its way is told, and concerns no other."""
        if not (wanted.configured.model or wanted.configured.detect) and self._models_come():
            self._troubled(name, wanted, MODELS_COME, WAITS)
            return
        running: _Running | None = None
        try:
            running = self._opened(name, wanted, rules)
            self._forget(name)
            if not running.stream.source.live:  # a live one says how it is, first of all
                self._telemetry.camera(name, running.stream.source.state.value)
            running.stream.start()
        except Exception as error:  # noqa: BLE001 - whatever a library does with what somebody configured
            if running is not None:
                running.halt()
            self._failed(name, wanted, said(error))
            return
        self._running[name] = running
        log.info("The stream %s begins.", name)

    def _models_come(self) -> bool:
        """Whether what they are is not known yet, and so not which one looks at frames."""
        return len(self._lives) > 1 and any(live.loaded is None for live in self._lives.values())

    def _opened(self, name: str, wanted: Wanted, rules: Rules) -> _Running:
        configured, settings = wanted.configured, self._settings
        roles = roles_of(self._lives, model=configured.model, detect=configured.detect, embed=configured.embed)
        running = _Running(wanted, threading.Event())
        running.stream = Stream(
            self._source(name, running),
            Models(Asker(roles.first), None if roles.boxes is None else Asker(roles.boxes)),
            Telling(self._told.write, self._telemetry, self._namer, vectors=settings.vectors, empty=settings.empty),
            running.stop,
            areas=between(configured.areas),
            rules=rules,
        )
        running.counting = Counting(running.stream, self._telemetry)
        return running

    def _source(self, name: str, running: _Running) -> Source:
        configured, timing = running.wanted.configured, self._settings.timing
        if configured.fps is not None:
            timing = replace(timing, every=1 / configured.fps)

        def tell(notice: Notice) -> None:
            running.heard(self._told, notice)

        source = open_source(name, opened_as(self._home.folder, configured.source), tell=tell, timing=timing)
        if not configured.masks:
            return source
        try:
            return MaskedSource(source, configured.masks, tell=tell)
        except BaseException:
            source.close()
            raise

    def _ended(self, name: str, one: _Running) -> None:
        """A stream is over: because it was to, because its file was read, or because it broke."""
        one.forget()
        one.counting.look()
        del self._running[name]
        at = stamp(self._clock.now())
        self._told.write({"event": "end", "stream": name, "at": at, "frames": one.stream.counts()})
        self._telemetry.camera(name, None)
        if one.stop.is_set():
            log.info("The stream %s ended.", name)
        elif one.stream.broke:
            self._troubled(name, one.wanted, one.stream.broke, FAILED)
        else:
            self._rest(name, one.wanted, ENDED, float("inf"))

    def _failed(self, name: str, wanted: Wanted, why: str) -> None:
        """A stream could not be begun."""
        if self._telemetry.troubles().get(_about(name)) != why:
            at = stamp(self._clock.now())
            self._told.write({"event": "failure", "stream": name, "at": at, "detail": why})
        self._troubled(name, wanted, why, FAILED)

    def _troubled(self, name: str, wanted: Wanted, why: str, state: str) -> None:
        if self._telemetry.troubles().get(_about(name)) != why:
            log.warning("The stream %s does not run: %s", name, why)
        self._telemetry.trouble(_about(name), why)
        self._rest(name, wanted, state, AGAIN_S)

    def _rest(self, name: str, wanted: Wanted, state: str, seconds: float) -> None:
        self._telemetry.camera(name, state)
        self._resting[name] = wanted, self._clock.monotonic() + seconds

    def _forget(self, name: str) -> None:
        """What was wrong with it before counts no longer."""
        if self._resting.pop(name, None) is not None:
            self._telemetry.camera(name, None)
            self._telemetry.trouble(_about(name), None)

    def _tell(self, number: int) -> None:
        """For `status` and `why`, where it changed; seldom, for a disk wears out."""
        if self._clock.monotonic() < self._page_at:
            return
        page = Page(
            by="site", configuration=number, streams=self._telemetry.cameras(), troubles=self._telemetry.troubles()
        )
        if page != self._page:
            written = write_page(self._home, page)
            self._page = page if written else None
            self._page_at = self._clock.monotonic() + (PAGE_S if written else UNWRITTEN_S)


def _about(name: str) -> str:
    return f"stream {name}"


def said(error: Exception) -> str:
    """An error in a line; what to do about it, too."""
    if not isinstance(error, SlipwayError):
        return f"{type(error).__name__}: {error}"
    return f"{error} {error.mend}" if error.mend else str(error)
