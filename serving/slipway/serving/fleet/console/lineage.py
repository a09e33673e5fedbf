"""The page that answers what `slipway lineage` answers, as a tree with links, and the decisions of releases as CSV.

A page is bounded: it looks for a few seconds, fetches nothing from afar, and shows so many things. The command has no
such bounds, and the page says where it stopped.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from slipway.platform.errors import WrongUse
from slipway.platform.lineage.beyond import table
from slipway.platform.lineage.graph import Kind, Node
from slipway.platform.lineage.naming import NAMED
from slipway.platform.lineage.tracing import Enough, traced
from slipway.platform.lineage.tree import Branch, branches, told_facts
from slipway.serving.fleet.console.answering import answer
from slipway.serving.fleet.console.asking import Asked
from slipway.serving.fleet.console.office import Office
from slipway.serving.fleet.console.rendering import HEADERS, page
from slipway.serving.fleet.operators.acting import Acting

router = APIRouter(include_in_schema=False)

PATIENCE_S: Final = 5.0
CATALOGUE_S: Final = 20.0
"""For records that were never read on this machine."""
BRANCHES: Final = 1_000
"""Of one page."""
NAMES: Final = 24
"""Of many things of one kind."""
COMMAND: Final = "`slipway lineage {}` goes on."
UP: Final = "up"
DOWN: Final = "down"


@router.get("/lineage")
async def lineage(request: Request) -> Response:
    """What a thing came from, or what came of it."""

    def shown(office: Office, acting: Acting) -> Response:
        asked = Asked(request, "of", "way")
        thing, down = asked.text("of"), asked.choice("way", (UP, DOWN)) == DOWN
        if not thing:
            return page("lineage.html", title="Lineage", acting=acting, thing="", down=down, graph=None)
        with traced(office.loaded, thing, downstream=down, told=_Bounded(thing), fetch=False) as gatherer:
            graph = gatherer.graph
            releases = [one for one in graph.nodes.values() if one.kind is Kind.RELEASE] if down else []
        room = Room(BRANCHES)
        return page(
            "lineage.html",
            title="Lineage",
            acting=acting,
            thing=thing,
            down=down,
            graph=graph,
            start=graph.nodes[graph.start],
            branches=room.cut(branches(graph, downstream=down)),
            left=room.left_out,
            link=link_of,
            facts=told_facts,
            names=NAMES,
            releases=releases,
        )

    return await answer(request, shown)


@router.get("/lineage.csv")
async def decisions(request: Request) -> Response:
    """The decisions that rest on a thing, which the store knows."""

    def shown(office: Office, acting: Acting) -> Response:
        del acting  # whoever is known may look
        thing = Asked(request, "of").text("of")
        if not thing:
            raise WrongUse("Nothing is asked for.", mend="`of` names a release, such as parcel#4.")
        lines = _lines(office, thing)
        first = next(lines)  # what is wrong is a page
        name = "".join(one if one.isalnum() or one in "-." else "-" for one in thing)
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="decisions-{name}.csv"'}
        return StreamingResponse(_after(first, lines), media_type="text/csv; charset=utf-8", headers=headers)

    return await answer(request, shown)


def _lines(office: Office, thing: str) -> Iterator[str]:
    with traced(office.loaded, thing, downstream=True, told=_Bounded(thing), fetch=False) as gatherer:
        yield from table(gatherer)


def _after(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


class Room:
    """So many branches may be shown."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.left_out = 0

    def cut(self, told: list[Branch]) -> list[Branch]:
        """As many as there is room for, those above before those below them."""
        kept = told[: self._most]
        self._most -= len(kept)
        self.left_out += len(told) - len(kept)
        return [Branch(one.relation, one.nodes, one.again, tuple(self.cut(list(one.below)))) for one in kept]


class _Bounded:
    """Says when it is enough."""

    def __init__(self, thing: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._thing, self._clock, self._begun = thing, clock, clock()

    def count(self, what: str, done: int, total: int) -> None:
        """Records that were never read here."""
        if self._clock() - self._begun > CATALOGUE_S:
            raise Enough(
                f"{done:,} of {total:,} {what} of the store are read, and a page waits no longer.",
                mend=f"`slipway lineage {self._thing}` on this machine reads all of them, once.",
            )

    def looking(self, label: str) -> None:
        """Another thing."""
        if self._clock() - self._begun > PATIENCE_S:
            raise Enough(f"Stopped at {label} after {PATIENCE_S:.0f} s; {COMMAND.format(self._thing)}")


def link_of(node: Node) -> str:
    """Where a page tells more of a thing; empty where none does."""
    model = node.name.partition("/")[0]
    places = {
        Kind.DEVICE: f"/devices/{quote(node.name, safe='')}",
        Kind.RELEASE: f"/models/{quote(model, safe='')}",
        Kind.VERSION: f"/models/{quote(model, safe='')}",
        Kind.DECISION: f"/ledger?{urlencode({'entry': node.name})}",
    }
    return places.get(node.kind) or trace_of(node)


def trace_of(node: Node) -> str:
    """Where its own lineage is; empty where nobody can ask for it."""
    return f"/lineage?{urlencode({'of': named(node)})}" if node.kind in NAMED else ""


def named(node: Node) -> str:
    """As somebody asks for it."""
    model, _, number = node.name.rpartition("/")
    return f"{model}#{number}" if node.kind is Kind.RELEASE else f"{node.kind}:{node.name}"
