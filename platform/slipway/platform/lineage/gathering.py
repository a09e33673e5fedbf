"""Gathering what came of what from the records: what a thing came from, and what came of it.

`Gatherer` puts the neighbours of one thing into the graph, upwards or downwards; who walks on is `walking`. Records are
read once. What other distributions know, such as devices and what they decided, they put in themselves (`beyond`).
"""

import hashlib
import logging
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Self

from slipway.platform.canonical import canonical
from slipway.platform.data.validation.verdict import Verdict as DataVerdict
from slipway.platform.errors import SlipwayError
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.lineage import things
from slipway.platform.lineage.beyond import Beyond, load_beyond
from slipway.platform.lineage.catalogue import TOGETHER, VALIDATIONS, Bundle, Catalogue, Run
from slipway.platform.lineage.graph import Graph, Kind, Node
from slipway.platform.lineage.tables import Tables
from slipway.platform.registry.exports import exported
from slipway.platform.registry.records import VersionRecord, agreed, version_key
from slipway.platform.registry.standing import ModelStanding, standing_of
from slipway.platform.registry.verdicts import verdicts_of
from slipway.platform.runs.digests import config_digest, lock_digest
from slipway.platform.runs.find import load_parts
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Outcome
from slipway.platform.runs.references import WEIGHTS
from slipway.platform.runs.results import load_result
from slipway.platform.runs.standing import numbers, spec_of

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk

log = logging.getLogger(__name__)

DIRTY = "+dirty"


class Gatherer:
    """Knows the neighbours of things in one store, until the end of its `with`."""

    def __init__(self, desk: "Desk", catalogue: Catalogue, tables: Tables) -> None:
        self.desk, self.catalogue, self.tables = desk, catalogue, tables
        self.closing = ExitStack()
        """Where others leave what they have opened."""
        self._parts = cache(lambda key: load_parts(desk.store, key))
        self.graph = Graph()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.close()

    def up(self, node: Node) -> None:
        """Put what the thing came from into the graph."""
        way: Mapping[Kind, Callable[[Node], None]] = {
            Kind.RELEASE: self._release_up,
            Kind.VERSION: self._version_up,
            Kind.BUNDLE: self._bundle_up,
            Kind.EXPORT: self._attempts,
            Kind.RUN: self._run_up,
            Kind.CODE: self._code_up,
            Kind.ROWS: self._rows_up,
            Kind.SNAPSHOT: self._snapshot_up,
        }
        if node.kind in way:
            self._tried(way[node.kind], node)
        for one in self.beyond:
            self._tried(one.up, node)

    def down(self, node: Node) -> None:
        """Put what came of the thing into the graph."""
        way: Mapping[Kind, Callable[[Node], None]] = {
            Kind.SNAPSHOT: self._snapshot_down,
            Kind.COMMIT: self._commit_down,
            Kind.RUN: self._run_down,
            Kind.BUNDLE: self._bundle_down,
            Kind.VERSION: self._version_down,
        }
        if node.kind in way:
            self._tried(way[node.kind], node)
        for one in self.beyond:
            self._tried(one.down, node)

    @cached_property
    def beyond(self) -> list[Beyond]:
        """What other distributions know."""
        return load_beyond(self)

    def version_node(self, record: VersionRecord) -> Node:
        """A version, with where it stands."""
        from slipway.platform.registry.cards import state_of

        return self.graph.add(things.version(record, state_of(self.standing(record.model), record.bundle)))

    def snapshot_node(self, digest: str) -> Node:
        """A snapshot, with what its record says."""
        record = self.tables.record(digest)
        found = self.tables.get(digest) if record is None else None
        manifest = record.manifest if record else found.manifest if found else None
        return self.graph.add(things.snapshot(digest, manifest))

    def standing(self, model: str) -> ModelStanding:
        """Where a model stands."""
        return standing_of(model, self.entries)

    def release_node(self, model: str, number: str) -> Node | None:
        """A release, where the ledger knows it; a number that two entries name is the first one's."""
        for written in self.entries:
            decision = written.entry.decision
            if decision.action is Action.RELEASE and (decision.model, decision.subjects.get("release")) == (
                model,
                number,
            ):
                return self.graph.add(things.release(written))
        return None

    def bundle_node(self, digest: str) -> Node | None:
        """A bundle that the store has."""
        one = self.catalogue.bundles.get(digest)
        return self.graph.add(things.bundle(one)) if one else None

    @cached_property
    def entries(self) -> list[Written]:
        """Of the ledger."""
        return list(self.desk.ledger.entries())

    def _tried(self, way: Callable[[Node], None], node: Node) -> None:
        try:
            way(node)
        except SlipwayError as error:  # the rest of the lineage is as true as before
            self.graph.remarks.append(f"{node.label}: {error}")

    def _release_up(self, node: Node) -> None:
        record = VersionRecord.load(self.desk.store, version_key(node.facts["bundle"]))
        if record is not None:
            version = self.standing(record.model).versions.get(node.facts["bundle"])
            record = agreed(self.desk.store, record.model, version) if version else record
            self.graph.join(self.version_node(record), node, "released as")
        elif bundle := self.bundle_node(node.facts["bundle"]):
            self.graph.join(bundle, node, "released as")

    def _version_up(self, node: Node) -> None:
        bundle = self.catalogue.bundles.get(node.facts["bundle"])
        if bundle:
            self.graph.join(things.bundle(bundle), node, "registered as")
        self._decisions(node, node.facts["bundle"], {*Action} - {Action.VERDICT})

    def _decisions(self, node: Node, bundle: str, actions: Collection[Action]) -> None:
        for written in self.entries:
            decision = written.entry.decision
            if decision.action in actions and decision.subjects.get("bundle") == bundle:
                self.graph.join(things.decision(written), node, "decision on")

    def _verdicts(self, node: Node) -> None:
        for verdict in verdicts_of(self.desk.store, self.desk.people, node.name):
            self.graph.join(things.verdict(verdict), node, "verdict on")

    def _bundle_up(self, node: Node) -> None:
        self._decisions(node, node.name, {Action.VERDICT})
        self._tried(self._verdicts, node)
        one = self.catalogue.bundles[node.name]
        run = self.catalogue.runs.get(one.run)
        if run is None:
            if one.run:
                self.graph.remarks.append(
                    f"{node.label} came of {things.short(one.run)}, which the store does not have."
                )
            return
        self._join_export(things.run(run), one, node)

    def _join_export(self, run: Node, one: Bundle, bundle: Node) -> None:
        said = exported(self.desk.store, one.run)
        if said is None or said.bundle != one.digest:
            self.graph.join(run, bundle, "exported as")
            return
        export = Node(Kind.EXPORT, said.work, f"export {things.short(said.work)}", things.told(key=said.work))
        self.graph.join(run, export, "exported by")
        self.graph.join(export, bundle, "made")

    def _attempts(self, node: Node) -> None:
        """Of a training or an export: who started each, where, when, and how it ended."""
        keys = WorkKeys(node.name)
        for number in numbers(self.desk.store, node.name):
            spec = spec_of(self.desk.store, node.name, number)
            if spec is not None:
                outcome = Outcome.load(self.desk.store, keys.attempt(number).outcome)
                self.graph.join(things.attempt(node.name, spec, outcome), node, "attempt at")

    def _run_up(self, node: Node) -> None:
        run, parts = self.catalogue.runs[node.name], self._parts(node.name)
        self._attempts(node)
        self.graph.join(self._rows(run, parts), node, "learned from by")
        self.graph.join(things.code(parts.code_digest, len(parts.code)), node, "code of")
        config, lock = config_digest(parts), lock_digest(parts)
        facts = things.told(sha256=config, seed=parts.config.get("seed"))
        self.graph.join(Node(Kind.CONFIG, config, f"config {things.short(config)}", facts), node, "config of")
        told = things.told(sha256=lock, packages=len(parts.lock))
        self.graph.join(
            Node(Kind.LOCK, lock, f"lock {things.short(lock)}, {things.many(len(parts.lock), 'package')}", told),
            node,
            "lock of",
        )
        if run.revision:
            revision = run.revision.removesuffix(DIRTY)
            self.graph.join(things.commit(revision, dirty=run.revision.endswith(DIRTY)), node, "commit of")
        for name, digest in parts.references.items():
            self.graph.join(self._referred(digest), node, f"reference `{name}` of")

    def _referred(self, digest: str) -> Node:
        """What a reference's digest is of: a bundle, a run's weights, or a file."""
        if digest in self.catalogue.bundles:
            return things.bundle(self.catalogue.bundles[digest])
        for one in self.catalogue.bundles.values():
            if one.weights == digest and one.run in self.catalogue.runs:
                return things.run(self.catalogue.runs[one.run])
        learned = [one for one in self.catalogue.runs.values() if one.learned]
        with ThreadPoolExecutor(TOGETHER) as pool:
            for run, weights in zip(learned, pool.map(self._weights, learned), strict=True):
                if weights == digest:
                    return things.run(run)
        return Node(Kind.WEIGHTS, digest, f"weights {things.short(digest)}", things.told(sha256=digest))

    def _weights(self, run: Run) -> str:
        """The digest of what the run has learned; empty where there is no result."""
        result = load_result(self.desk.store, run.key)
        file = result.files.get(WEIGHTS) if result else None
        return file.sha256 if file else ""

    def _rows(self, run: Run, parts: Parts) -> Node:
        counts = self.tables.counts(run.snapshot, parts.view)
        return self.graph.add(things.rows(run.snapshot, parts.view, digest_of(parts.view)[: things.SHORT], counts))

    def _rows_up(self, node: Node) -> None:
        self.graph.join(self.snapshot_node(node.name.partition("/")[0]), node, "holds")

    def _code_up(self, node: Node) -> None:
        runs = (one for one in self.catalogue.runs.values() if one.code == node.name)
        for file in self._parts(next(runs).key).code:
            self.graph.join(things.file(file), node, "file of")

    def _snapshot_up(self, node: Node) -> None:
        record = self.tables.record(node.name)
        found = self.tables.get(node.name) if record is None else None
        manifest = record.manifest if record else found.manifest if found else None
        if manifest is not None:
            for provenance in manifest.provenance:
                self.graph.join(things.source(provenance), node, "source of")
            for name, entry in sorted(manifest.files.items()):
                if name.startswith("shards/"):
                    self.graph.join(things.shard(entry.sha256, entry.size), node, "shard of")
        for one in self.catalogue.validations.values():
            if one.snapshot == node.name:
                data = self.desk.store.get(f"{VALIDATIONS}/{one.key}.json")
                self.graph.join(
                    things.validation(one.key, DataVerdict.model_validate_json(data)), node, "validation of"
                )

    def _snapshot_down(self, node: Node) -> None:
        for run in self.catalogue.runs_on(node.name):
            self.graph.join(node, things.run(run), "trained on by")

    def _commit_down(self, node: Node) -> None:
        for run in self.catalogue.runs.values():
            if run.learned and run.revision.removesuffix(DIRTY) == node.name:
                self.graph.join(node, things.run(run), "commit of")

    def _run_down(self, node: Node) -> None:
        bundles = self.catalogue.bundles_of(node.name)
        for one in bundles:
            self._join_export(node, one, things.bundle(one))
        weights = {*(one.weights for one in bundles), self._weights(self.catalogue.runs[node.name])}
        self._started_from(node, weights - {""})

    def _bundle_down(self, node: Node) -> None:
        self._started_from(node, {node.name})
        record = VersionRecord.load(self.desk.store, version_key(node.name))
        if record is not None:
            version = self.standing(record.model).versions.get(node.name)
            record = agreed(self.desk.store, record.model, version) if version else record
            self.graph.join(node, self.version_node(record), "registered as")

    def _version_down(self, node: Node) -> None:
        for written in self.entries:
            decision = written.entry.decision
            if decision.action is Action.RELEASE and decision.subjects.get("bundle") == node.facts["bundle"]:
                self.graph.join(node, things.release(written), "released as")

    def _started_from(self, node: Node, digests: set[str]) -> None:
        for run in self.catalogue.runs.values():
            if run.learned and digests & set(run.references.values()):
                self.graph.join(node, things.run(run), "reference of")


def digest_of(value: Any) -> str:  # noqa: ANN401 - what canonical JSON can say
    """The name of a piece of a run's parts."""
    return hashlib.sha256(canonical(value)).hexdigest()
