"""What the service has done and how the fleet stands, as Prometheus reads it."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from slipway.serving.edge.prometheus import family, sample, single
from slipway.serving.fleet.store.following import HeardCount, PhaseCount

BOUNDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds."""


class Metrics:
    """Counts, of the server's thread."""

    def __init__(self) -> None:
        self._codes: Counter[tuple[str, int]] = Counter()
        self._times = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0
        self.records = 0
        """Records that were new."""

    def note(self, route: str, code: int, seconds: float) -> None:
        """A request was answered."""
        self._codes[route, code] += 1
        self._times[bisect_left(BOUNDS, seconds)] += 1
        self._seconds += seconds

    def render(self, commits: int, waiting: int, fleet: Sequence[str]) -> bytes:
        """The whole, in the text format."""
        return "".join(f"{line}\n" for line in (*self._lines(commits, waiting), *fleet)).encode()

    def _lines(self, commits: int, waiting: int) -> Iterator[str]:
        codes = [({"route": route, "code": code}, count) for (route, code), count in sorted(self._codes.items())]
        yield from family("slipway_fleet_requests_total", "counter", "Requests.", codes)
        name = "slipway_fleet_request_seconds"
        yield from family(name, "histogram", "From a request's head to its answer.", ())
        below = 0
        for bound, count in zip((*BOUNDS, "+Inf"), self._times, strict=True):
            below += count
            yield sample(f"{name}_bucket", {"le": bound}, below)
        yield sample(f"{name}_sum", {}, round(self._seconds, 6))
        yield sample(f"{name}_count", {}, below)
        yield from single("slipway_fleet_records_total", "counter", "Records that were stored.", self.records)
        yield from single("slipway_fleet_commits_total", "counter", "Commits of the store.", commits)
        yield from single("slipway_fleet_waiting", "gauge", "What waits for a commit.", waiting)


def of_fleet(heard: HeardCount, phases: Sequence[PhaseCount]) -> list[str]:
    """How many devices there are, how many are silent, and what they run."""
    info = [({"model": one.model, "release": one.release or "", "phase": one.phase}, one.devices) for one in phases]
    return [
        *single("slipway_fleet_devices", "gauge", "Devices that are enrolled.", heard.devices),
        *single("slipway_fleet_silent_devices", "gauge", "Devices that have said nothing for too long.", heard.silent),
        *family("slipway_fleet_running", "gauge", "Devices by what they run.", info),
    ]
