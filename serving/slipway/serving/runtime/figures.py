"""What a live model has done: counts that only rise, and how long requests and batches took."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from slipway.serving.runtime.quantiles import Quantiles


@dataclass
class Figures:
    """Of one model while it answered, or of a process since it began.

    What was admitted was answered, failed or dropped, or still waits.
    """

    admitted: int = 0
    answered: int = 0
    failed: int = 0
    """The session could not answer them."""
    dropped: int = 0
    """Nobody waited for them any more: past their deadline, or cancelled."""
    refused: int = 0
    """Never admitted, as the queue was full."""
    batches: int = 0
    """Runs of a session."""
    rows: int = 0
    """What these runs answered, together."""
    latency: Quantiles = field(default_factory=Quantiles)
    """Milliseconds from a request's admission to its answer."""
    running: Quantiles = field(default_factory=Quantiles)
    """Milliseconds of each run of a session."""

    def ran(self, rows: int, running: float, latencies: Sequence[float]) -> None:
        """One run that answered requests of so many rows; milliseconds of the run and of each request."""
        self.batches += 1
        self.rows += rows
        self.answered += len(latencies)
        self.running.add(running)
        for latency in latencies:
            self.latency.add(latency)

    def copy(self) -> "Figures":
        """As it is now."""
        return replace(self, latency=self.latency.copy(), running=self.running.copy())

    def merge(self, other: "Figures") -> None:
        """Add another's."""
        for one in fields(self):
            mine, its = getattr(self, one.name), getattr(other, one.name)
            if isinstance(mine, Quantiles):
                mine.merge(its)
            else:
                setattr(self, one.name, mine + its)
