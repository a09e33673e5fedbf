"""From answers to records: windows of time in memory, written to the spool when they end.

Counts of a window are exact. Distributions are counted for as many rows a second as a small device can afford; a
sketch of some rows tells as much. What the spool cannot take (a full disk) stays here and goes with the next window.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

import numpy as np

from slipway.serving.channel.pointer import Sampling
from slipway.serving.edge.telemetry.distributions import Distributions, Expected, novelty
from slipway.serving.edge.telemetry.moments import LONGEST, Moments
from slipway.serving.edge.telemetry.sampling import Decision, why_sampled
from slipway.serving.edge.telemetry.spool import Kind, Spool, SpoolFailed, encoded_counts
from slipway.serving.runtime.figures import Figures
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.session import Arrays

log = logging.getLogger(__name__)

ROWS_A_SECOND: Final = 20.0
"""Of each model, of which distributions are counted."""
VECTOR_DIMS: Final = 2
"""Of a batch of vectors."""
COUNTED: Final = ("admitted", "answered", "failed", "dropped", "refused", "batches", "rows")
OF_DEVICE: Final = "device"
"""The subject of counts that belong to no model, such as frames of a stream."""


class Working(Protocol):
    """What has figures, such as `runtime.live_model.LiveModel`."""

    @property
    def loaded(self) -> LoadedModel | None:
        """What answers now."""

    def total(self) -> Figures:
        """What was done since the beginning."""


@dataclass
class _Window:
    """What one release did in some time."""

    counts: dict[str, int] = field(default_factory=dict)
    seen: Distributions = field(default_factory=lambda: Distributions({}))
    vectors: dict[str, Moments] = field(default_factory=dict)
    figures: Figures = field(default_factory=Figures)


class Collector:
    """Telemetry of one device; its methods may be called from any thread."""

    def __init__(
        self, spool: Spool, *, now: Callable[[], datetime], pace: Callable[[], float] = time.monotonic
    ) -> None:
        self._spool, self._now, self._pace = spool, now, pace
        self._lock = threading.Lock()
        self._begun = now()
        self._windows: dict[str, _Window] = {}
        self._expected: dict[str, Mapping[str, Expected]] = {}
        self._policies: dict[str, Sampling] = {}
        self._working: dict[str, tuple[Working, Figures]] = {}
        self._subjects: dict[str, str] = {}
        """By model, the last release that answered."""
        self._next_look: dict[str, float] = {}
        self._taken: dict[tuple[str, str], int] = {}

    def expect(self, bundle: str, expected: Mapping[str, Expected]) -> None:
        """Compare what this bundle does with that."""
        with self._lock:
            self._expected[bundle] = expected

    def follow(self, model: str, working: Working) -> None:
        """Tell this model's figures with every window."""
        with self._lock:
            self._working[model] = (working, working.total())

    def sample_by(self, model: str, policy: Sampling) -> None:
        """From now on the model's signed policy is this one."""
        with self._lock:
            self._policies[model] = policy

    def watch(self, loaded: LoadedModel, inputs: Arrays, outputs: Arrays) -> None:
        """Look at a batch that was answered, unless its model's share of looks is used up; fits `LiveModel`."""
        moment = self._pace()
        with self._lock:
            self._subjects[loaded.model] = subject_of(loaded)
            if moment < self._next_look.get(loaded.model, 0.0):
                return
            rows = max((len(one) for one in outputs.values()), default=1)
            self._next_look[loaded.model] = moment + rows / ROWS_A_SECOND
            window = self._window(subject_of(loaded))
            if not window.seen.expected:
                window.seen.expected = self._expected.get(loaded.bundle, {})
            window.seen.observe(inputs, outputs)
            for name, answer in outputs.items():
                if answer.ndim == VECTOR_DIMS and answer.shape[1] <= LONGEST and np.isfinite(answer).all():
                    found = Moments.of(answer.astype(np.float64))
                    window.vectors[name] = window.vectors[name] + found if name in window.vectors else found

    def count(self, name: str, times: int = 1, *, subject: str = OF_DEVICE) -> None:
        """Count what happened: a frame, an error of a kind."""
        with self._lock:
            counts = self._window(subject).counts
            counts[name] = counts.get(name, 0) + times

    def state(self, model: str, told: Mapping[str, Any]) -> None:
        """Keep that a model's state on this device changed; at once, so that it is not lost with this process."""
        self._keep("state", model, _json(told))

    def strangeness(self, loaded: LoadedModel, inputs: Arrays, outputs: Arrays) -> float:
        """How far one row lies outside of its bundle's reference."""
        found = novelty(self._expected.get(loaded.bundle, {}), inputs, outputs)
        return float(found.max()) if len(found) else 0.0

    def sample(self, loaded: LoadedModel, decision: Decision, picture: Callable[[], bytes]) -> str | None:
        """Keep the picture of a decision where the policy asks for it; the reason if it was kept."""
        day = self._now().date().isoformat()
        with self._lock:
            policy = self._policies.get(loaded.model)
            taken = self._taken.get((loaded.model, day), 0)
            why = why_sampled(policy, decision, taken) if policy else None
            if why is None:
                return None
            self._taken = {key: count for key, count in self._taken.items() if key[1] == day}
            self._taken[loaded.model, day] = taken + 1
        about = {"decision": decision.id, "why": why, "confidence": decision.confidence, "novelty": decision.novelty}
        body = _json(about) + b"\n" + picture()
        return why if self._keep("sample", subject_of(loaded), body) else None

    def flush(self) -> None:
        """End the window: write it, and begin the next one."""
        with self._lock:
            self._take_figures()
            windows, self._windows = self._windows, {}
            begun, self._begun = self._begun, self._now()
        at = stamp(begun)
        for subject, window in windows.items():
            if window.counts and not self._keep("counts", subject, encoded_counts(window.counts), at):
                self._give_back(subject, window)
                continue
            if sketch := _sketch(window):
                self._keep("sketch", subject, _json(sketch), at)

    def _take_figures(self) -> None:
        """What the models did since the last window, under the release that answers now or was the last to do so."""
        for model, (working, before) in self._working.items():
            loaded, total = working.loaded, working.total()
            self._working[model] = (working, total)
            done = {name: getattr(total, name) - getattr(before, name) for name in COUNTED}
            if not any(done.values()):
                continue
            if loaded is not None:
                self._subjects[model] = subject_of(loaded)
            window = self._window(self._subjects.get(model, model))
            for name, count in done.items():
                window.counts[name] = window.counts.get(name, 0) + count
            window.figures.latency.merge(total.latency.since(before.latency))
            window.figures.running.merge(total.running.since(before.running))

    def _give_back(self, subject: str, window: _Window) -> None:
        with self._lock:
            counts = self._window(subject).counts
            for name, count in window.counts.items():
                counts[name] = counts.get(name, 0) + count

    def _window(self, subject: str) -> _Window:
        return self._windows.setdefault(subject, _Window())

    def _keep(self, kind: Kind, subject: str, body: bytes, at: str | None = None) -> bool:
        try:
            with self._lock:
                self._spool.add(kind, subject, at or stamp(self._now()), body)
        except SpoolFailed as error:
            log.warning("%s", error)
            return False
        return True


def subject_of(loaded: LoadedModel) -> str:
    """Model, release and bundle, as telemetry names them."""
    return f"{loaded.model}/{loaded.release or '-'}/{loaded.bundle}"


def stamp(moment: datetime) -> str:
    """As records carry it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _sketch(window: _Window) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if window.figures.latency.count:
        found["latency_ms"] = window.figures.latency.to_json()
        found["running_ms"] = window.figures.running.to_json()
    if window.seen.counts:
        found["distributions"] = {name: parts.tolist() for name, parts in window.seen.counts.items()}
        found["divergence"] = {name: round(apart, 4) for name, apart in window.seen.divergence().items()}
    if window.vectors:
        found["vectors"] = {name: moments.as_json() for name, moments in window.vectors.items()}
    return found


def _json(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
