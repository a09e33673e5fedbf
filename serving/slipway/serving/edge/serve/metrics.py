"""What the server has done, as Prometheus reads it."""

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from slipway.serving.edge.prometheus import Labels, family, sample, single
from slipway.serving.edge.serve.head import Head
from slipway.serving.edge.serve.models import Models
from slipway.serving.edge.serve.response import Response

BOUNDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds."""
_MEMORY: Final = Path("/proc/self/statm")

Heard = Callable[[Head | None, Response, float], None]


@dataclass
class _Asked:
    """The requests to one model."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """Answered ones, by how long they took."""
    seconds: float = 0.0
    received: int = 0
    sent: int = 0


class Metrics:
    """Counts, of the server's thread."""

    def __init__(self, models: Models, connections: Callable[[], int], heard: Heard | None = None) -> None:
        self._models, self._connections, self._heard = models, connections, heard
        self._codes: Counter[tuple[str, int]] = Counter()
        self._asked: dict[str, _Asked] = {}

    def note(self, head: Head | None, response: Response, seconds: float) -> None:
        """One was answered, or refused before its head was read."""
        model = response.model or ""
        self._codes[model, response.status] += 1
        if model:
            asked = self._asked.setdefault(model, _Asked())
            asked.received += head.length if head else 0
            asked.sent += len(response.body)
            if response.status == 200:  # noqa: PLR2004
                asked.counts[bisect_left(BOUNDS, seconds)] += 1
                asked.seconds += seconds
        if self._heard is not None:
            self._heard(head, response, seconds)

    def render(self) -> bytes:
        """The whole, in the text format."""
        return "".join(f"{line}\n" for line in self._lines()).encode()

    def _lines(self) -> Iterator[str]:
        codes = [({"model": model, "code": code}, count) for (model, code), count in sorted(self._codes.items())]
        yield from family("slipway_requests_total", "counter", "Requests; without a model those to no model.", codes)
        yield from self._latencies()
        received = [({"model": name}, one.received) for name, one in self._asked.items()]
        sent = [({"model": name}, one.sent) for name, one in self._asked.items()]
        yield from family("slipway_received_bytes_total", "counter", "Bodies of requests.", received)
        yield from family("slipway_sent_bytes_total", "counter", "Bodies of answers.", sent)
        yield from self._of_models()
        yield from single("slipway_connections", "gauge", "Connections that are open.", self._connections())
        yield from _process()

    def _latencies(self) -> Iterator[str]:
        name = "slipway_request_seconds"
        yield from family(name, "histogram", "From a request's first byte to its answer, of those that got one.", ())
        for model, one in self._asked.items():
            below = 0
            for bound, count in zip((*BOUNDS, "+Inf"), one.counts, strict=True):
                below += count
                yield sample(f"{name}_bucket", {"model": model, "le": bound}, below)
            yield sample(f"{name}_sum", {"model": model}, round(one.seconds, 6))
            yield sample(f"{name}_count", {"model": model}, below)

    def _of_models(self) -> Iterator[str]:
        lives = self._models.lives()
        figures = {name: live.total() for name, live in lives.items()}
        for what, help_text in _FIGURES.items():
            counts = [({"model": name}, getattr(one, what)) for name, one in figures.items()]
            yield from family(f"slipway_model_{what}_total", "counter", help_text, counts)
        waiting = [({"model": name}, live.waiting) for name, live in lives.items()]
        yield from family("slipway_queue", "gauge", "Requests that wait.", waiting)
        swaps = [({"model": name}, live.swaps) for name, live in lives.items()]
        yield from family("slipway_swaps_total", "counter", "Models that were exchanged.", swaps)
        problems = self._models.problems()
        stale = [({"model": name}, int(name in problems)) for name in lives]
        yield from family("slipway_model_problem", "gauge", "1 where a newer model could not be loaded.", stale)
        loaded = [(name, live.loaded) for name, live in lives.items()]
        info: list[tuple[Labels, float]] = [
            ({"model": name, "release": one.release or "", "bundle": one.bundle, "variant": one.variant}, 1)
            for name, one in loaded
            if one is not None
        ]
        yield from family("slipway_release_info", "gauge", "What answers.", info)


_FIGURES: Final = {
    "admitted": "Requests that were queued for the model.",
    "answered": "Requests that the model answered.",
    "failed": "Requests that the model could not answer.",
    "dropped": "Requests that nobody waited for any more.",
    "refused": "Requests that found the queue full.",
    "batches": "Runs of the model; rows divided by runs is the size of a batch.",
    "rows": "Rows that these runs answered.",
}


def _process() -> Iterator[str]:
    times = os.times()
    spent = round(times.user + times.system, 3)
    yield from single("process_cpu_seconds_total", "counter", "Processor time.", spent)
    try:
        pages = int(_MEMORY.read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    yield from single("process_resident_memory_bytes", "gauge", "Memory.", memory)
