"""From what models do to records: windows of time in memory, written to the spool when they end.

Counts are exact. What the spool cannot take (a full disk) stays here and goes with the next window. How many samples of
a day there were is the spool's to remember, so another start of the process takes no more of them.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from slipway.serving.channel.pointer import Sampling
from slipway.serving.edge.telemetry.distributions import Distributions
from slipway.serving.edge.telemetry.looking import Looking
from slipway.serving.edge.telemetry.moments import Moments
from slipway.serving.edge.telemetry.sampling import Decision, why_sampled
from slipway.serving.edge.telemetry.spool import Batch, Kind, Spool, SpoolFailed, encoded_counts
from slipway.serving.runtime.figures import Figures
from slipway.serving.runtime.live import Answering, LoadedModel
from slipway.serving.runtime.session import Arrays

log = logging.getLogger(__name__)

COUNTED: Final = ("admitted", "answered", "failed", "dropped", "refused", "batches", "rows")
LARGEST_SAMPLE: Final = 1024 * 1024
"""Bytes; nobody would take a larger one."""
OF_DEVICE: Final = "device"
"""The subject of counts that belong to no model, such as frames of a stream."""


class Working(Protocol):
    """What has figures, such as `runtime.live_model.LiveModel`."""

    def each(self) -> Mapping[Answering, Figures]:
        """What each release did since the beginning."""


@dataclass
class _Followed:
    """A model, and what of it is told already."""

    working: Working
    looking: Looking
    told: Mapping[Answering, Figures] = field(default_factory=dict)


@dataclass
class _Window:
    """What one subject did in some time."""

    counts: dict[str, int] = field(default_factory=dict)
    figures: Figures = field(default_factory=Figures)
    distributions: Distributions | None = None
    vectors: Mapping[str, Moments] = field(default_factory=dict)


class Collector:
    """Telemetry of one device; its methods may be called from any thread.

    The spool is opened when there is something to keep, so a disk that is full or broken stops nothing else.
    """

    def __init__(self, open_spool: Callable[[], Spool], *, now: Callable[[], datetime]) -> None:
        self._open_spool, self._now = open_spool, now
        self._spool: Spool | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._begun = now()
        self._windows: dict[str, _Window] = {}
        self._policies: dict[str, Sampling] = {}
        self._followed: dict[str, _Followed] = {}
        self._taken: dict[tuple[str, str], int] = {}

    def follow(self, model: str, working: Working, looking: Looking) -> None:
        """Tell of this model with every window."""
        with self._lock:
            self._followed[model] = _Followed(working, looking)

    def sample_by(self, model: str, policy: Sampling) -> None:
        """From now on the model's signed policy is this one."""
        with self._lock:
            self._policies[model] = policy

    def count(self, name: str, times: int = 1, *, subject: str = OF_DEVICE) -> None:
        """Count what happened: a frame, an error of a kind."""
        with self._lock:
            self._add(subject, {name: times})

    def state(self, model: str, told: Mapping[str, Any]) -> None:
        """Keep that a model's state on this device changed; at once, so that it is not lost with this process."""
        self._keep("state", model, _json(told))

    def strangeness(self, model: str, inputs: Arrays, outputs: Arrays) -> float:
        """How far a decision of this model lies outside of its bundle's reference."""
        followed = self._followed.get(model)
        return followed.looking.strangeness(inputs, outputs) if followed else 0.0

    def sample(self, loaded: LoadedModel, decision: Decision, picture: Callable[[], bytes]) -> str | None:
        """Keep the picture of a decision where the policy asks for it; the reason if it was kept."""
        why = self._why_sampled(loaded.model, decision)
        if why is None:
            return None
        numbers = {"confidence": decision.confidence, "novelty": decision.novelty}
        about = {**decision.told, "decision": decision.id, "why": why, **numbers}
        body = _json(about) + b"\n" + picture()
        if len(body) > LARGEST_SAMPLE:
            self.count("samples.too_large")
            return None
        return why if self._keep("sample", subject_of(loaded), body) else None

    def _why_sampled(self, model: str, decision: Decision) -> str | None:
        """The reason to keep it, and it counts from now on: others ask while its picture is made."""
        day = self._now().date().isoformat()
        with self._lock:
            policy = self._policies.get(model)
            taken = self._taken.get((model, day), 0)
            if policy is None or why_sampled(policy, decision, taken) is None:
                return None
            try:
                taken = max(taken, self._opened().sampled(model, day))
            except SpoolFailed as error:
                log.warning("%s", error)
                return None
            self._taken = {key: count for key, count in self._taken.items() if key[1] == day}
            why = why_sampled(policy, decision, taken)
            self._taken[model, day] = taken + (why is not None)
            return why

    def flush(self) -> None:
        """End the window: write it, and begin the next one."""
        with self._lock:
            for followed in self._followed.values():
                self._take(followed)
            windows, self._windows = self._windows, {}
            begun, self._begun = self._begun, self._now()
        at = stamp(begun)
        for subject, window in windows.items():
            if window.counts and not self._keep("counts", subject, encoded_counts(window.counts), at):
                with self._lock:
                    self._add(subject, window.counts)
            elif sketch := _sketch(window):
                self._keep("sketch", subject, _json(sketch), at)

    def batch(self, largest: int) -> Batch | None:
        """The oldest records of the spool, the same again until they are confirmed; None where none can be read."""
        try:
            with self._lock:
                return None if self._closed else self._opened().batch(largest)
        except SpoolFailed as error:
            log.warning("%s", error)
            return None

    def confirm(self, batch: Batch) -> None:
        """Somebody has these. Where the spool cannot be written they go again, by the same names."""
        try:
            with self._lock:
                if not self._closed:
                    self._opened().confirm(batch)
        except SpoolFailed as error:
            log.warning("%s", error)

    def waiting(self) -> int:
        """Bytes in the spool, about."""
        try:
            with self._lock:
                return 0 if self._closed else self._opened().size()
        except SpoolFailed:
            return 0

    def close(self) -> None:
        """End the last window, and close the spool."""
        self.flush()
        with self._lock:
            self._closed = True
            if self._spool is not None:
                self._spool.close()
                self._spool = None

    def _take(self, followed: _Followed) -> None:
        """What a model did since the last window, each release under its own name."""
        for seen in followed.looking.take():
            window = self._windows.setdefault(subject_of(seen.loaded), _Window())
            window.distributions, window.vectors = seen.distributions, seen.vectors
        for target, counts, figures in followed.looking.take_beside():
            if counts:
                self._add(subject_of(target), counts)
                self._windows[subject_of(target)].figures.merge(figures)
        before, followed.told = followed.told, followed.working.each()
        for who, total in followed.told.items():
            told = before.get(who) or Figures()
            done = {name: getattr(total, name) - getattr(told, name) for name in COUNTED}
            if any(done.values()):
                self._add(subject_of(who), done)
                figures = self._windows[subject_of(who)].figures
                figures.latency.merge(total.latency.since(told.latency))
                figures.running.merge(total.running.since(told.running))

    def _add(self, subject: str, counts: Mapping[str, int]) -> None:
        there = self._windows.setdefault(subject, _Window()).counts
        for name, count in counts.items():
            there[name] = there.get(name, 0) + count

    def _keep(self, kind: Kind, subject: str, body: bytes, at: str | None = None) -> bool:
        try:
            with self._lock:
                self._opened().add(kind, subject, at or stamp(self._now()), body)
        except SpoolFailed as error:
            log.warning("%s", error)
            return False
        return True

    def _opened(self) -> Spool:
        self._spool = self._spool or self._open_spool()
        return self._spool


def subject_of(loaded: LoadedModel | Answering) -> str:
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
    if window.distributions and window.distributions.counts:
        found["distributions"] = {name: parts.tolist() for name, parts in window.distributions.counts.items()}
        found["divergence"] = {name: round(apart, 4) for name, apart in window.distributions.divergence().items()}
    if window.vectors:
        found["vectors"] = {name: moments.as_json() for name, moments in window.vectors.items()}
    return found


def _json(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
