"""Whether a release on probation does well: a pure judgement of what was observed.

An accelerator that was lost is a failure at once. Shares, latency and distributions count from a least sample on, and
time is that which really has passed.

One camera never shows what all of validation showed, and at night it shows something else than by day. So what is usual
here is how far from `reference.json` the release before was lately, until the exchange. A release fails whose answers
are far from its reference and much further than that. What goes in is the camera's matter and fails no release.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from slipway.serving.bundle.manifest import DeviceClass
from slipway.serving.edge.agent.ports import Observed
from slipway.serving.edge.agent.state import Installed, Watched


@dataclass(frozen=True)
class Rules:
    """How long a release is watched, what it may not do meanwhile, and how often something is tried."""

    seconds: float = 1800.0
    """The least time on probation."""
    sample: int = 200
    """The least number of requests before shares, latency and distributions say anything."""
    longest: float = 24 * 3600.0
    """It settles then, where there was too little work to judge by."""
    every: float = 60.0
    """Seconds from one look at it to the next."""
    errors: float = 0.02
    """The share of requests that may fail."""
    slower: float = 3.0
    """How many times its proof's latency it may take, once that is more than half of the budget."""
    divergence: float = 0.5
    """How far answers may always be from `reference.json` (0 the same, 1 nothing in common)."""
    further: float = 0.25
    """How much further than is usual here they may be, once they are further than that."""
    crashes: int = 3
    """So many starts of the process that ended without being asked to are too many."""
    reboots: int = 10
    """So many ends of the whole machine are too many. Power that is cut says nothing of a release, and is cut more than
    once while somebody works at a cabinet; a release that brings the machine down does so each time it is loaded."""
    tries: int = 3
    """So often a release may be too slow while it is proven, as the device may have been busy."""
    retry: float = 30.0
    """Seconds until what failed is tried again; they double each time."""
    retry_longest: float = 3600.0


RULES: Final = Rules()
OF_ANSWERS: Final = "outputs."
"""How the measures of answers are named; see `telemetry.distributions`."""


class Judgement(Enum):
    """What to do about a release on probation."""

    WATCH = "watch"
    SETTLE = "settle"
    REVERT = "revert"


@dataclass(frozen=True)
class Judged:
    """A judgement and its reason."""

    judgement: Judgement
    why: str


def judge(
    observed: Observed,
    watched: Watched,
    active: Installed,
    budget: DeviceClass,
    *,
    usual: Mapping[str, float],
    rules: Rules = RULES,
) -> Judged:
    """`observed` is of this process, `watched` of the whole probation, which includes it."""
    problem = next(_problems(observed, watched, active, budget, rules), None)
    if problem is None and compared(observed, rules):
        problem = next(_strange(observed.divergence, usual, rules), None)
    if problem is not None:
        return Judged(Judgement.REVERT, problem)
    enough = watched.answered + watched.failed >= rules.sample
    if watched.seconds >= rules.seconds and enough:
        return Judged(Judgement.SETTLE, f"It answered {watched.answered:,} requests in {watched.seconds:,.0f} s.")
    if watched.seconds >= rules.longest:
        few = f"{watched.answered:,} answers in {watched.seconds:,.0f} s are few, and nothing was wrong with them."
        return Judged(Judgement.SETTLE, few)
    return Judged(Judgement.WATCH, f"{watched.seconds:,.0f} of {rules.seconds:,.0f} s have passed.")


def _problems(
    observed: Observed, watched: Watched, active: Installed, budget: DeviceClass, rules: Rules
) -> Iterator[str]:
    if budget.runtime != "cpu" and observed.provider == "cpu":
        yield f"It fell to the processor; the class has {budget.runtime}, and it was proven on {active.provider}."
    requests = watched.answered + watched.failed
    if requests >= rules.sample and (share := watched.failed / requests) > rules.errors:
        yield f"{share:.1%} of {requests:,} requests failed; {rules.errors:.1%} are allowed."
    if not compared(observed, rules):
        return
    limit = latency_limit(active, budget, rules)
    if not observed.p95_ms <= limit:
        yield (
            f"It takes {observed.p95_ms:.2f} ms (p95); {limit:.2f} ms are allowed "
            f"(the class has {budget.latency_ms:g} ms, the proof took {active.p95_ms:.2f} ms)."
        )


def compared(observed: Observed, rules: Rules) -> bool:
    """Whether this process has seen enough to say how answers are distributed."""
    return observed.answered + observed.failed >= rules.sample


def usual_of(observed: Observed, rules: Rules) -> dict[str, float]:
    """What later releases are compared with, where this one has seen enough."""
    if not compared(observed, rules):
        return {}
    return {name: far for name, far in observed.lately.items() if math.isfinite(far)}


def _strange(divergence: Mapping[str, float], usual: Mapping[str, float], rules: Rules) -> Iterator[str]:
    """Answers that are distributed otherwise; a measure that no release has settled with here says nothing."""
    for name in sorted(divergence.keys() & usual.keys()):
        allowed = max(rules.divergence, usual[name] + rules.further)
        if name.startswith(OF_ANSWERS) and not divergence[name] <= allowed:
            yield (
                f"{name} is distributed otherwise than in reference.json: {divergence[name]:.2f}; usual here is "
                f"{usual[name]:.2f}, and {allowed:.2f} is allowed."
            )


def latency_limit(active: Installed, budget: DeviceClass, rules: Rules) -> float:
    """What it may take: the class's budget, or less where it was far quicker when it was proven."""
    return min(budget.latency_ms, max(active.p95_ms * rules.slower, budget.latency_ms / 2))
