"""What the agent does, a line each, as it happens. Its reasons are told by its own log."""

from collections.abc import Callable, Iterator

from slipway.serving.edge.agent.effects import Fetched
from slipway.serving.edge.agent.state import Phase
from slipway.serving.edge.following import Step

BEGINS = {
    Phase.FETCH: "fetching",
    Phase.VERIFY: "verifying",
    Phase.BUILD: "building",
    Phase.PROVE: "proving",
    Phase.ACTIVATE: "activating",
    Phase.PROBATION: "on probation with",
    Phase.SETTLED: "settled on",
    Phase.REVERTED: "back on",
}


def lines_of(step: Step) -> Iterator[str]:
    """What is worth telling of a step beside its reasons: how far it is, and what comes next."""
    if isinstance(step.outcome, Fetched) and step.outcome.left:
        yield f"{step.model}: files left to fetch: {step.outcome.left}"
    if step.state.phase is not step.before.phase and step.state.phase in BEGINS:
        about = step.state.coming or step.state.active
        release = f" release {about.release.number}" if about else " nothing"
        yield f"{step.model}: {BEGINS[step.state.phase]}{release}"


def shown_by(write: Callable[[str], None]) -> Callable[[Step], None]:
    """Hand each line to somebody."""

    def show(step: Step) -> None:
        for line in lines_of(step):
            write(line)

    return show
