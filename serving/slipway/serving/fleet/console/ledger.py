"""The ledger's page: decisions, the newest first, each with all that it says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from slipway.platform.ledger.describing import as_fields
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.registry.decisions import ASKED_BY
from slipway.serving.fleet.console.answering import answer
from slipway.serving.fleet.console.asking import Asked, NotThere
from slipway.serving.fleet.console.folds import Folded
from slipway.serving.fleet.console.office import Office
from slipway.serving.fleet.console.rendering import page
from slipway.serving.fleet.operators.acting import Acting

router = APIRouter(include_in_schema=False)

ENTRIES: Final = 50
"""Of one page."""
FILTERS: Final = ("model", "action", "person")
LONGEST: Final = 600
"""Characters of a detail; `slipway ledger show N` has all of it."""


@dataclass(frozen=True)
class Wanted:
    """Which entries."""

    model: str | None = None
    action: str | None = None
    person: str | None = None
    before: int | None = None
    entry: int | None = None

    def fits(self, written: Written) -> bool:
        """Whether this is one of them."""
        entry, decision = written.entry, written.entry.decision
        return (
            (self.model is None or decision.model == self.model)
            and (self.action is None or decision.action.value == self.action)
            and (self.person is None or self.person in people_of(written))
            and (self.before is None or entry.number < self.before)
            and (self.entry is None or entry.number == self.entry)
        )


@router.get("/ledger")
async def ledger(request: Request) -> Response:
    """Decisions, the newest first."""

    def shown(office: Office, acting: Acting) -> Response:
        asked = Asked(request, *FILTERS, "before", "entry")
        wanted = Wanted(
            asked.text("model") or None,
            asked.choice("action", list(Action)),
            asked.text("person") or None,
            asked.number("before"),
            asked.number("entry"),
        )
        entries, models = office.entries(), office.models()
        found = list(islice((one for one in reversed(entries) if wanted.fits(one)), ENTRIES + 1))
        if wanted.entry is not None and not found:
            there = f"The newest is {entries[-1].entry.number}." if entries else "It is empty."
            raise NotThere(f"The ledger has no entry {wanted.entry}.", mend=there)
        written = asked.as_written(*FILTERS)
        return page(
            "ledger.html",
            title=f"Entry {wanted.entry}" if wanted.entry else "Ledger",
            acting=acting,
            entries=found[:ENTRIES],
            asked=written,
            entry=wanted.entry,
            older=_older(written, found),
            models=sorted({one.entry.decision.model for one in entries} - {""}),
            people=sorted({name for one in entries for name in people_of(one)}),
            actions=[one.value for one in Action],
            total=len(entries),
            fields=fields_of,
            void=lambda written: why_void(models, written),
        )

    return await answer(request, shown)


def people_of(written: Written) -> Iterator[str]:
    """Who decided, signed and asked."""
    decision = written.entry.decision
    asked = decision.details.get(ASKED_BY)
    yield from dict.fromkeys((decision.actor, written.signer, *([asked] if isinstance(asked, str) else [])))


def why_void(models: Folded, written: Written) -> str | None:
    """Why an entry changes nothing; None where it counts."""
    number, found = written.entry.number, models.get(written.entry.decision.model)
    return next((why for fold in found or () if (why := fold.why_void(number))), None)


def fields_of(written: Written) -> dict[str, str]:
    """All that an entry says, each piece bounded."""
    told = as_fields(written)
    return {name: value if len(value) <= LONGEST else f"{value[:LONGEST]}…" for name, value in told.items()}


def _older(written: dict[str, str], found: Sequence[Written]) -> str:
    """The address of the next page; empty where there is none."""
    if len(found) <= ENTRIES:
        return ""
    last = found[ENTRIES - 1].entry.number
    return "/ledger?" + urlencode({**{name: one for name, one in written.items() if one}, "before": last})
