"""What a step leaves behind besides the weights: counts, the best value so far, the history that results will show."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class State:
    """Where a training stands. A checkpoint holds it with the weights, the optimizer, the average and the trail."""

    step: int = 0
    """Optimizer steps that are done."""
    seconds: float = 0.0
    """Spent on them and on validation, over all attempts."""
    metrics: dict[str, float] = field(default_factory=dict)
    """The last value of each metric."""
    history: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    """The validations so far: after how many steps, and what they found."""
    latest: float | None = None
    """The last value of the headline metric."""
    best: float | None = None
    """The best value of the headline metric so far, and after which step."""
    best_step: int | None = None

    def to_plain(self) -> dict[str, Any]:
        """As JSON and checkpoints hold it."""
        return asdict(self)

    @classmethod
    def of_plain(cls, plain: dict[str, Any]) -> "State":
        """What `to_plain` gave."""
        history = [(int(step), dict(values)) for step, values in plain["history"]]
        return cls(**{**plain, "history": history})

    def validated(self, values: dict[str, float], headline: float | None, *, falling: bool) -> None:
        """Note what a validation after the last step found."""
        self.history.append((self.step, values))
        self.metrics.update(values)
        self.latest = headline
        if headline is None:
            return
        if self.best is None or (headline < self.best if falling else headline > self.best):
            self.best, self.best_step = headline, self.step
