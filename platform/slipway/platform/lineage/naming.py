"""From what a person writes to the thing that is meant.

    vehicle-reid/3, vehicle-reid@champion   a version
    reid-one, r1-0a1b                       a run, by name or by the beginning of its key
    w1-0147                                 an individual, where a snapshot has one of that name
    0a1b2c                                  the beginning of a digest: a run, bundle, snapshot, sample or commit
    HEAD, v2.1                              a revision of git
    vehicle-reid#7                          a release
    harbour-gate-3                          a device, where nothing else is called so
    20261129T004613123456Z.gate-3.0a72…     a decision of a device, by its whole id

What could be several things is told with all of them; `KIND:X`, such as `sample:0a1b2c`, says which is meant.
"""

import re
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.ledger.entry import Action
from slipway.platform.lineage import things
from slipway.platform.lineage.gathering import Gatherer
from slipway.platform.lineage.graph import Kind, Node
from slipway.platform.names import suggestion
from slipway.platform.registry.finding import pick
from slipway.platform.runs.find import SHORTEST
from slipway.platform.runs.parts import PREFIX

if TYPE_CHECKING:
    from slipway.platform.data.project import Project

_HEX: Final = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}")
_VERSION: Final = re.compile(r"[a-z0-9-]+(/[0-9]+|@[a-z]+)")
_RELEASE: Final = re.compile(r"(?P<model>[a-z0-9-]+)[#/](?P<number>[0-9]+)")
NAMED: Final = (
    Kind.VERSION, Kind.RUN, Kind.BUNDLE, Kind.SNAPSHOT, Kind.SAMPLE, Kind.IDENTITY, Kind.COMMIT, Kind.RELEASE,
    Kind.EVENT, Kind.DEVICE,
)  # fmt: skip
TOLD: Final = 8


def thing_named(gatherer: Gatherer, project: "Project", given: str) -> Node:
    """The one thing that is meant."""
    kind, colon, rest = given.partition(":")
    kinds, name = ((Kind(kind),), rest) if colon and kind in NAMED else (NAMED, given)
    if Kind.VERSION in kinds and _VERSION.fullmatch(name):
        return gatherer.version_node(pick(gatherer.desk, name).record)
    if Kind.RELEASE in kinds and (match := _RELEASE.fullmatch(name)):
        return _release(gatherer, match["model"], match["number"])
    for one in gatherer.beyond:
        if meant := [node for node in one.named(name) if node.kind in kinds]:
            return gatherer.graph.add(meant[0])
    found = _found(gatherer, project, name, kinds)
    if len(found) == 1:
        return found[0]
    if not found and colon and kind not in NAMED:
        raise WrongUse(f"There is no kind `{kind}`, and nothing called `{given}`.", mend=suggestion(kind, NAMED))
    if not found:
        raise WrongUse(
            f"`{given}` is no version, release, run, bundle, snapshot, sample, individual, commit, device or decision "
            "that is known here.",
            mend="Write NAME/VERSION, NAME@champion, NAME#RELEASE, a decision's id, a run's or an individual's name, a "
            f"revision of git, or at least {SHORTEST} digits of a digest. {_near(gatherer, name)}".rstrip(),
        )
    lines = [f"  {one.kind}:{one.name}   {one.label}" for one in found[:TOLD]]
    more = f"\n  and {len(found) - TOLD} more" if len(found) > TOLD else ""
    raise WrongUse(f"`{given}` could be {len(found)} things.", mend="Say which:\n" + "\n".join(lines) + more)


def _release(gatherer: Gatherer, model: str, number: str) -> Node:
    found = gatherer.release_node(model, number)
    if found is None:
        there = [
            f"{model}#{one.entry.decision.subjects.get('release')}"
            for one in gatherer.entries
            if one.entry.decision.action is Action.RELEASE and one.entry.decision.model == model
        ]
        raise WrongUse(
            f"The ledger tells of no release {number} of `{model}`.",
            mend=f"There are: {', '.join(there)}." if there else "`slipway rollout status` shows what was released.",
        )
    return found


def _found(gatherer: Gatherer, project: "Project", name: str, kinds: Collection[Kind]) -> list[Node]:
    """Everything that could be meant. Tables are fetched only where nothing else could be."""
    found = {node.id: node for one in kinds if one in _FINDERS for node in _FINDERS[one](gatherer, project, name)}
    if not found:
        found = {node.id: node for one in gatherer.beyond for node in one.known(name) if node.kind in kinds}
    for fetch in (False, True):
        if not (fetch and found):
            rows = (node for one in kinds if one in _ROWS for node in _ROWS[one](gatherer, name, fetch=fetch))
            found |= {node.id: node for node in rows}
    return list(found.values())


def _near(gatherer: Gatherer, name: str) -> str:
    names = [one.name for one in gatherer.catalogue.runs.values()]
    return suggestion(name, names) if names else ""


def _runs(gatherer: Gatherer, project: "Project", name: str) -> Iterator[Node]:
    del project
    digits = name.removeprefix(PREFIX)
    for run in gatherer.catalogue.runs.values():
        begins = _HEX.fullmatch(digits) and run.key.startswith(PREFIX + digits)
        if run.learned and (run.name == name or begins):
            yield things.run(run)


def _bundles(gatherer: Gatherer, project: "Project", name: str) -> Iterator[Node]:
    del project
    if _HEX.fullmatch(name):
        yield from (things.bundle(one) for one in gatherer.catalogue.bundles.values() if one.digest.startswith(name))


def _snapshots(gatherer: Gatherer, project: "Project", name: str) -> Iterator[Node]:
    del project
    if _HEX.fullmatch(name):
        yield from (gatherer.snapshot_node(one) for one in gatherer.tables.digests() if one.startswith(name))


def _samples(gatherer: Gatherer, name: str, *, fetch: bool) -> Iterator[Node]:
    if _HEX.fullmatch(name):
        for sample in gatherer.tables.samples(name, fetch=fetch):
            yield things.sample(sample, gatherer.tables.row(sample, fetch=fetch))


def _identities(gatherer: Gatherer, name: str, *, fetch: bool) -> Iterator[Node]:
    row = gatherer.tables.identity(name, fetch=fetch)
    if row is not None:
        yield things.identity(name, row)


def _commits(gatherer: Gatherer, project: "Project", name: str) -> Iterator[Node]:
    """A revision that git knows, or one that a run was started from elsewhere."""
    found = None if name.startswith("-") else project.git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    known = {one.revision.removesuffix("+dirty") for one in gatherer.catalogue.runs.values()} - {""}
    commits = {one for one in known if _HEX.fullmatch(name) and one.startswith(name)} | {found.strip() if found else ""}
    for commit in sorted(commits - {""}):
        node = things.commit(commit)
        try:
            pointer = project.pointer_at(commit)
        except SlipwayError:
            pointer = None
        if pointer is not None:
            gatherer.graph.join(node, gatherer.snapshot_node(pointer.digest), "names")
        yield node


_FINDERS: Final[dict[Kind, Callable[[Gatherer, "Project", str], Iterator[Node]]]] = {
    Kind.RUN: _runs,
    Kind.BUNDLE: _bundles,
    Kind.SNAPSHOT: _snapshots,
    Kind.COMMIT: _commits,
}
_ROWS: Final = {Kind.SAMPLE: _samples, Kind.IDENTITY: _identities}
