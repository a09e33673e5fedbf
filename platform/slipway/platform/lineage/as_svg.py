"""A graph as a picture: columns from what came first to what came last, one box for each thing, self-contained SVG.

A thing stands right of all that it came from. Within a column boxes are ordered by where their neighbours stand, so
that few lines cross; many of one kind with the same neighbours are one box.
"""

from collections import defaultdict
from dataclasses import dataclass
from html import escape
from typing import Final

from slipway.platform.lineage.graph import Graph, Kind, Node

WIDE: Final = 230
HIGH: Final = 44
GAP: Final = 70
SPACE: Final = 14
MARGIN: Final = 24
LETTERS: Final = 32
"""Characters in a line of a box."""
FOLDED: Final = 4
SWEEPS: Final = 4

DATA, WORK, MADE, PEOPLE, SETTING = "#0f766e", "#1d4ed8", "#7c3aed", "#b45309", "#475569"
COLOURS: Final = {
    Kind.SOURCE: DATA, Kind.SHARD: DATA, Kind.IDENTITY: DATA, Kind.SAMPLE: DATA, Kind.SNAPSHOT: DATA, Kind.ROWS: DATA,
    Kind.VALIDATION: PEOPLE, Kind.VERDICT: PEOPLE, Kind.DECISION: PEOPLE,
    Kind.COMMIT: SETTING, Kind.FILE: SETTING, Kind.CODE: SETTING, Kind.CONFIG: SETTING, Kind.LOCK: SETTING,
    Kind.RUN: WORK, Kind.ATTEMPT: WORK, Kind.EXPORT: WORK,
    Kind.WEIGHTS: MADE, Kind.BUNDLE: MADE, Kind.VERSION: MADE, Kind.RELEASE: MADE,
    Kind.DEVICE: WORK, Kind.EVENT: MADE,
}  # fmt: skip
STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#0f172a}.k{font-size:10px;fill:#64748b}"
    "rect{fill:#fff;stroke-width:1.5}path{fill:none;stroke:#94a3b8;stroke-width:1.2}"
    ".start{stroke-width:3}svg{background:#f8fafc}"
)


@dataclass(frozen=True)
class Box:
    """One or several things in the picture."""

    nodes: tuple[Node, ...]

    @property
    def id(self) -> str:
        """Of the first."""
        return self.nodes[0].id

    @property
    def kind(self) -> Kind:
        """Of all of them."""
        return self.nodes[0].kind

    @property
    def lines(self) -> list[str]:
        """What stands in it."""
        first = self.nodes[0]
        if len(self.nodes) == 1:
            return wrapped(first.label)
        return [f"{len(self.nodes):,} {self.kind}s", *wrapped(first.label, 1)]


def as_svg(graph: Graph) -> str:
    """The picture."""
    boxes, edges = folded(graph)
    columns = layered(boxes, edges)
    places = placed(columns, edges)
    width = MARGIN * 2 + len(columns) * WIDE + (len(columns) - 1) * GAP
    height = MARGIN * 2 + max(len(column) for column in columns) * (HIGH + SPACE) - SPACE
    lines = [_line(places[origin], places[outcome]) for origin, outcome in sorted(edges)]
    drawn = [_drawn(box, places[box.id], start=graph.start in {one.id for one in box.nodes}) for box in boxes]
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    title = escape(f"Lineage of {graph.nodes[graph.start].label}")
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{title}</title><style>{STYLE}</style>'
    return "\n".join([head, *lines, *drawn, "</svg>", ""])


def folded(graph: Graph) -> tuple[list[Box], set[tuple[str, str]]]:
    """Boxes and the lines between them; many things of one kind that have the same neighbours share a box."""
    around: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for origin, outcome in graph.edges:
        around[origin].add(("to", outcome))
        around[outcome].add(("from", origin))
    groups: dict[tuple[Kind, frozenset[tuple[str, str]]], list[Node]] = defaultdict(list)
    for node in graph.nodes.values():
        groups[node.kind, frozenset(around[node.id])].append(node)
    boxes: list[Box] = []
    for nodes in groups.values():
        together = len(nodes) > FOLDED and graph.start not in {one.id for one in nodes}
        boxes += [Box(tuple(nodes))] if together else [Box((one,)) for one in nodes]
    of = {node.id: box.id for box in boxes for node in box.nodes}
    return boxes, {(of[origin], of[outcome]) for origin, outcome in graph.edges}


def layered(boxes: list[Box], edges: set[tuple[str, str]]) -> list[list[Box]]:
    """Columns: what a thing came from stands left of it, and as near as it can."""
    depth: dict[str, int] = {}
    outcomes = defaultdict(list)
    for origin, outcome in edges:
        outcomes[origin].append(outcome)

    def height_of(box: str) -> int:
        """How many steps lead from it to the last thing."""
        if box not in depth:
            depth[box] = 0  # a circle, which nothing makes, ends here
            depth[box] = 1 + max((height_of(one) for one in outcomes[box]), default=-1)
        return depth[box]

    for box in boxes:
        height_of(box.id)
    deepest = max(depth.values())
    columns: list[list[Box]] = [[] for _ in range(deepest + 1)]
    for box in boxes:
        columns[deepest - depth[box.id]].append(box)
    return columns


def placed(columns: list[list[Box]], edges: set[tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """The left upper corner of each box."""
    beside = defaultdict(list)
    for origin, outcome in edges:
        beside[origin].append(outcome)
        beside[outcome].append(origin)
    rank = {box.id: at / max(1, len(column)) for column in columns for at, box in enumerate(column)}

    def wanted(box: Box) -> tuple[float, str, str]:
        near = beside[box.id]
        return (sum(rank[one] for one in near) / len(near) if near else 0.5, box.kind, box.id)

    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 else reversed(columns):
            column.sort(key=wanted)
            rank.update({box.id: (at + 0.5) / len(column) for at, box in enumerate(column)})
    tallest = max(map(len, columns))
    places = {}
    for x, column in enumerate(columns):
        above = (tallest - len(column)) * (HIGH + SPACE) // 2
        for y, box in enumerate(column):
            places[box.id] = (MARGIN + x * (WIDE + GAP), MARGIN + above + y * (HIGH + SPACE))
    return places


def wrapped(label: str, most: int = 2) -> list[str]:
    """A label in at most so many lines."""
    lines: list[str] = []
    rest = label
    while rest and len(lines) < most:
        cut = len(rest) if len(rest) <= LETTERS else max(rest.rfind(" ", 0, LETTERS + 1), 0) or LETTERS
        lines.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    if rest:
        lines[-1] = lines[-1][: LETTERS - 1] + "…"
    return lines


def _line(origin: tuple[int, int], outcome: tuple[int, int]) -> str:
    x1, y1, x2, y2 = origin[0] + WIDE, origin[1] + HIGH // 2, outcome[0], outcome[1] + HIGH // 2
    middle = (x1 + x2) // 2
    return f'<path d="M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"/>'


def _drawn(box: Box, place: tuple[int, int], *, start: bool) -> str:
    x, y = place
    facts = "\n".join(f"{name}: {value}" for name, value in box.nodes[0].facts.items())
    names = facts if len(box.nodes) == 1 else "\n".join(one.label for one in box.nodes)
    colour, mark = COLOURS[box.kind], ' class="start"' if start else ""
    text = "".join(
        f'<text x="{x + 12}" y="{y + 18 + 15 * at if len(box.lines) > 1 else y + 27}">{escape(line)}</text>'
        for at, line in enumerate(box.lines)
    )
    return (
        f'<g><title>{escape(names)}</title><rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="6" '
        f'stroke="{colour}"{mark}/><rect x="{x}" y="{y}" width="5" height="{HIGH}" style="fill:{colour}"/>{text}</g>'
    )
