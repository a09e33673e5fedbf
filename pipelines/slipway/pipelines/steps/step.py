"""What a step of the loop is: it looks for its own result, and makes it where there is none.

A step keeps nothing in the process. It is told what is asked and what the steps before it found, and tells how it went
in one sentence, with the values that later steps need. `look` is quick and changes nothing; `do` is create-or-adopt:
ended anywhere and asked again, by whomever, it comes to the same end. So a flow in a terminal, and a task for each step
in a scheduler, are the same flow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from slipway.pipelines.steps.site import Site

Values = Mapping[str, str]
"""Handed from step to step: `snapshot` (a digest), `run` (a run key), `run_name`, `bundle` (a digest), `verdict` (its
key), `version` ("3"), `release` ("2"), `task` (of labelling), `cause`."""
Tell = Callable[[str], None]
"""Hears what happens on the way, a line each."""

APPROVE: Final = "approve"
RESPONSES: Final = (APPROVE, "reject")


class Cause(StrEnum):
    """What makes a model be trained; in the order in which one of several is told."""

    ASKED = "asked"
    """Somebody wants it; never decided here."""
    DRIFT = "drift"
    DATA = "data"
    LABELS = "labels"
    SCHEDULE = "schedule"


ASKED: Final = Cause.ASKED.value
SCHEDULE: Final = Cause.SCHEDULE.value
CAUSES: Final = tuple(one.value for one in Cause)


class How(StrEnum):
    """What became of a step."""

    DONE = "done"
    FOUND = "found"
    UNDER_WAY = "under way"
    WAITING = "waiting"
    REFUSED = "refused"
    SKIPPED = "not needed"
    TO_DO = "to do"

    @property
    def goes_on(self) -> bool:
        """Whether the next step may follow."""
        return self in (How.DONE, How.FOUND, How.SKIPPED)


@dataclass(frozen=True, kw_only=True)
class Told:
    """How a step stands, or went."""

    step: str
    how: How
    line: str
    """One sentence for people."""
    values: Values = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    """By title: an address, or a command that shows it."""
    cost: Decimal | None = None
    """What this step spent now; what was spent before costs nothing again. Of a look: what it would at most."""
    currency: str = ""
    seconds: float = 0.0
    work: str = ""
    """The key of work that is under way."""
    mend: str = ""
    """What to do next, where a person has to."""
    text: str = ""
    """More than a line, in Markdown: what people are to read before they answer."""

    def as_data(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "step": self.step,
            "how": self.how.value,
            "line": self.line,
            "values": dict(self.values),
            "links": dict(self.links),
            "cost": None if self.cost is None else str(self.cost),
            "currency": self.currency,
            "seconds": round(self.seconds, 3),
            "work": self.work,
            "mend": self.mend,
            "text": self.text,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Told":
        """What `as_data` wrote."""
        cost = data.get("cost")
        return cls(**{**data, "how": How(data["how"]), "cost": None if cost is None else Decimal(cost)})


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What is asked of a step, or of a flow."""

    model: str
    target: str = "local"
    snapshot: str | None = None
    """A reference; data.dvc's unless given."""
    overrides: tuple[str, ...] = ()
    budget: str = ""
    """What all attempts of the training may cost, in the target's currency; no limit unless given."""
    cause: str = ASKED
    wait: bool = True
    """Without it launched work is left alone and told as under way, with its key."""
    responder: str = ""
    response: str = ""
    reason: str = ""
    request: str = ""
    """Which question was answered: the same one recorded again is the same decision."""
    via: Mapping[str, Any] = field(default_factory=dict)
    """Where it was answered, for the ledger's readers: the run, when, who it was there."""

    def __post_init__(self) -> None:
        if self.cause not in CAUSES:
            raise WrongUse(f"The cause `{self.cause}` is none.", mend=f"Causes are {', '.join(CAUSES)}.")
        if self.response and self.response not in RESPONSES:
            raise WrongUse(f"The response `{self.response}` is none.", mend="It is approve or reject.")
        if bool(self.response) != bool(self.responder):
            raise WrongUse("A response has a responder, and a responder a response.", mend="Give both, or none.")


class Step(Protocol):
    """One arrow of the loop."""

    @property
    def name(self) -> str:
        """As people write it."""
        ...

    def look(self, site: "Site", ask: Ask, given: Values) -> Told:
        """How it stands: quick, and nothing is changed."""
        ...

    def do(self, site: "Site", ask: Ask, given: Values, tell: Tell) -> Told:
        """Find its result, or make it."""
        ...
