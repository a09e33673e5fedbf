"""From any thing to what it came from, and to all that came of it."""

import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from slipway.platform.data.project import Project
from slipway.platform.errors import WrongUse
from slipway.platform.ledger.entry import Action
from slipway.platform.lineage.as_svg import as_svg
from slipway.platform.lineage.as_text import as_text
from slipway.platform.lineage.catalogue import read_catalogue
from slipway.platform.lineage.gathering import Gatherer
from slipway.platform.lineage.graph import Graph, Kind
from slipway.platform.lineage.naming import thing_named
from slipway.platform.lineage.tables import Tables
from slipway.platform.lineage.tracing import Enough, traced
from slipway.platform.lineage.walking import walk
from slipway.platform.registry.decisions import About
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.records import version_key

Trace = Callable[..., Graph]


class Counted:
    """A store that counts what is asked of it."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name in ("get", "list", "size", "age"):
            self.asked[name] += 1
        return found


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    def traced(site: Any, given: str, *, downstream: bool = False, counted: Any = None) -> Graph:
        loaded = site.project.loaded
        desk = Desk(loaded, counted or site.store)
        catalogue = read_catalogue(desk.store, tmp_path / "lineage", lambda *_: None)
        project = Project(loaded.root, loaded.settings)
        project.__dict__["store"] = desk.store
        gatherer = Gatherer(desk, catalogue, Tables(project))
        start = thing_named(gatherer, project, given)
        return walk(gatherer, start, downstream=downstream, progress=lambda _: None)

    return traced


def kinds(graph: Graph) -> Counter[str]:
    return Counter(str(node.kind) for node in graph.nodes.values())


def labels(graph: Graph, kind: Kind) -> list[str]:
    return sorted(node.label for node in graph.nodes.values() if node.kind is kind)


def relations(graph: Graph, one: str) -> list[str]:
    """What is said of the lines that end or begin at a thing whose label begins so."""
    named = {node.id for node in graph.nodes.values() if node.label.startswith(one)}
    return sorted(edge.relation for edge in graph.edges.values() if named & {edge.origin, edge.outcome})


def test_a_version_leads_back_to_rows_code_and_people(grown: Any, trace: Trace) -> None:
    graph = trace(grown, f"{grown.project.model}@champion")
    assert graph.remarks == []
    found = kinds(graph)
    assert {"shard", "source", "snapshot", "validation", "rows", "code", "config", "lock", "commit"} <= set(found)
    assert (found["version"], found["bundle"], found["export"], found["run"], found["attempt"]) == (1, 1, 1, 1, 2)
    assert (found["file"], found["verdict"]) == (9, 1)
    decisions = " ".join(labels(graph, Kind.DECISION))
    assert all(
        word in decisions for word in ("verdict by gates", "register by ada", "approve by ben", "promote by cleo")
    )
    assert labels(graph, Kind.ROWS) == ["rows: 1 test, 1 train where camera is crop"]
    (commit,) = (node for node in graph.nodes.values() if node.kind is Kind.COMMIT)
    assert commit.facts["note"] == "the work tree differed"


def test_a_snapshot_leads_to_every_version_built_from_it(grown: Any, trace: Trace) -> None:
    graph = trace(grown, grown.snapshots["first"].digest[:8], downstream=True)
    runs = [label.split()[0] for label in labels(graph, Kind.RUN)]
    assert runs == ["calm-heron", "next-heron", "wide-heron"]  # one of them by the weights of another
    assert labels(graph, Kind.VERSION) == [f"{grown.project.model}/1, champion"]


def test_a_version_leads_to_what_it_was_released_as(grown: Any, trace: Trace) -> None:
    project = grown.project
    given = f"{project.model}/1"
    assert kinds(trace(grown, given, downstream=True)) == {"version": 1}
    champion = project.standing().champion
    about = About(project.model, champion, "1", besides={"release": "1", "floor": "0"})
    project.desk.ledger.append(about.decided(Action.RELEASE, actor="cleo", nonce="r"), project.signer("cleo"))
    graph = trace(grown, given, downstream=True)
    assert labels(graph, Kind.RELEASE) == [f"release 1 of {project.model}"]
    assert relations(graph, "release 1") == ["released as"]


def test_a_sample_leads_to_the_runs_that_trained_on_it_alone(grown: Any, trace: Trace) -> None:
    index = grown.snapshots["first"].index.to_pylist()
    by_view = {(row["camera"], row["split"]): row["sample"] for row in index}
    scene = trace(grown, by_view["scene", "train"], downstream=True)
    assert {label.split()[0] for label in labels(scene, Kind.RUN)} == {"wide-heron", "next-heron"}
    assert labels(scene, Kind.VERSION) == []
    judged = trace(grown, f"sample:{by_view['crop', 'test'][:12]}", downstream=True)
    assert set(relations(judged, "calm-heron")) == {"judged on as test by"}
    assert labels(judged, Kind.BUNDLE) == []
    up = trace(grown, by_view["crop", "train"])
    assert kinds(up)["shard"] >= 1
    assert labels(up, Kind.SOURCE) == ["import: camera-2026-03-01", "import: camera-2026-03-02"]


def test_an_individual_leads_to_snapshots_runs_and_versions(grown: Any, trace: Trace) -> None:
    graph = trace(grown, "v1", downstream=True)
    assert kinds(graph)["snapshot"] == 2
    assert "1 image trained on by" in relations(graph, "calm-heron")
    assert labels(graph, Kind.VERSION) == [f"{grown.project.model}/1, champion"]
    assert labels(trace(grown, "v3", downstream=True), Kind.VERSION) == []


def test_a_commit_leads_to_what_was_started_from_it(grown: Any, trace: Trace) -> None:
    graph = trace(grown, "c0ffee", downstream=True)
    assert [label.split()[0] for label in labels(graph, Kind.RUN)] == ["calm-heron", "next-heron"]


def test_a_candidate_has_its_verdict_and_no_version(grown: Any, trace: Trace) -> None:
    run = trace(grown, "wide-heron").start.removeprefix("run:")
    bundle = grown.export("b", run, "first")
    grown.project.judge("b", passed=False)
    graph = trace(grown, bundle[:8])
    assert "failed against" in labels(graph, Kind.VERDICT)[0]
    assert [label.split(" by")[0] for label in labels(graph, Kind.DECISION)] == ["verdict"]
    assert "version" not in kinds(trace(grown, f"bundle:{bundle}", downstream=True))


def test_a_run_is_found_by_name_and_by_key_and_has_the_same_ids(grown: Any, trace: Trace) -> None:
    graph = trace(grown, "calm-heron")
    assert trace(grown, graph.start.removeprefix("run:")[:12]).as_data() == graph.as_data()
    assert graph.start in {one["id"] for one in graph.as_data()["nodes"]}


def test_weights_of_a_run_that_was_never_exported_lead_to_it(grown: Any, trace: Trace) -> None:
    key = trace(grown, "wide-heron").start.removeprefix("run:")
    grown.learned(key, "f" * 64)
    grown.run("from-wide", "second", references={"start": "f" * 64})
    assert "wide-heron" in " ".join(labels(trace(grown, "from-wide"), Kind.RUN))
    assert "from-wide" in " ".join(labels(trace(grown, "wide-heron", downstream=True), Kind.RUN))
    grown.run("from-nobody", "second", references={"start": "9" * 64})
    assert labels(trace(grown, "from-nobody"), Kind.WEIGHTS) == ["weights 999999999999"]


def test_what_could_be_several_things_is_told_with_all_of_them(grown: Any, trace: Trace) -> None:
    key = trace(grown, "calm-heron").start.removeprefix("run:r1-")
    bundle = grown.project.bundles["a"]
    grown.store.put(f"snapshots/{key[:6]}{bundle[6:]}.json", b"{}")
    with pytest.raises(WrongUse, match="could be 2 things") as told:
        trace(grown, key[:4])
    assert "run:r1-" in str(told.value.mend)
    assert "snapshot:" in str(told.value.mend)
    assert trace(grown, f"run:{key[:4]}").start == f"run:r1-{key}"
    with pytest.raises(WrongUse, match="is known here") as unknown:
        trace(grown, "calm-herom")
    assert "calm-heron" in str(unknown.value.mend)
    with pytest.raises(WrongUse, match="no kind"):
        trace(grown, "snapshoot:1234")


def test_what_is_not_to_be_had_is_told_and_the_rest_shown(grown: Any, trace: Trace) -> None:
    for key in list(grown.store.list("verdicts/")):
        grown.store.put(key, b"{}")
    first, second = (grown.snapshots[name].digest for name in ("first", "second"))
    grown.store.put(f"snapshots/{first}.json", b"{}")
    grown.store.delete(f"snapshots/{second}.json")
    graph = trace(grown, f"{grown.project.model}/1")
    assert any("is refused" in remark for remark in graph.remarks)
    assert any("is no record of a snapshot" in remark for remark in graph.remarks)
    assert "promote by cleo" in " ".join(labels(graph, Kind.DECISION))
    assert "snapshot" in kinds(graph)  # the folder has it
    lines = as_text(trace(grown, "next-heron"), downstream=False)
    assert any(line.startswith("! ") and "no record of snapshot" in line for line in lines)


def test_a_version_record_that_was_changed_is_told_and_not_shown(grown: Any, trace: Trace) -> None:
    bundle = grown.project.bundles["a"]
    key = version_key(bundle)
    grown.store.put(key, grown.store.get(key).replace(b'"number":"1"', b'"number":"7"'))
    graph = trace(grown, f"bundle:{bundle}", downstream=True)
    assert labels(graph, Kind.VERSION) == []
    assert "is not what was registered" in graph.remarks[0]


def test_naming_a_run_fetches_no_tables(grown: Any, trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    from slipway.platform.lineage import tables

    def fetched(*_: object) -> None:
        raise AssertionError

    second = grown.snapshots["second"]
    second.folder.rename(second.folder.with_name("elsewhere"))
    monkeypatch.setattr(tables, "bring_files", fetched)
    start = trace(grown, "calm-heron").start
    assert trace(grown, start.removeprefix("run:")[:10]).start == start
    with pytest.raises(AssertionError):
        trace(grown, "v9")


class Heard:
    """Hears how far a walk is, and has enough of it at some thing."""

    def __init__(self, most: int) -> None:
        self.left = most

    def count(self, what: str, done: int, total: int) -> None:
        assert done <= total, what

    def looking(self, label: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise Enough(f"Stopped at {label}.")


def test_whoever_fetches_nothing_is_told_what_is_not_here(grown: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from slipway.platform.lineage import tables

    second = grown.snapshots["second"]
    second.folder.rename(second.folder.with_name("elsewhere"))
    monkeypatch.setattr(tables, "bring_files", None)
    told = f"The tables of snapshot {second.digest[:12]} are not on this machine."
    with traced(grown.project.loaded, "next-heron", downstream=False, told=Heard(99), fetch=False) as found:
        assert told in found.graph.remarks
        assert f"snapshot:{second.digest}" in found.graph.nodes, "the rest is shown"
    with (
        pytest.raises(WrongUse, match="known here"),
        traced(grown.project.loaded, "v9", downstream=False, told=Heard(99), fetch=False),
    ):
        pass


def test_a_walk_that_is_enough_leaves_what_was_found_and_closes_what_was_opened(grown: Any) -> None:
    closed: list[str] = []
    with traced(grown.project.loaded, f"{grown.project.model}/1", downstream=False, told=Heard(2)) as found:
        found.closing.callback(closed.append, "closed")
        assert 2 < len(found.graph.nodes) < 20
        assert found.graph.remarks[-1].startswith("Stopped at ")
        assert closed == []
    assert closed == ["closed"]


def test_the_second_time_costs_no_more_for_more_runs(grown: Any, trace: Trace) -> None:
    def cost() -> int:
        counted = Counted(grown.store)
        trace(grown, f"{grown.project.model}/1", counted=counted)
        return sum(counted.asked.values())

    cost()
    before = cost()
    for number in range(20):
        grown.run(f"other-{number}", "second")
    first = cost()
    assert first - before <= 3 * 20  # each new run is read once
    assert cost() == before


def test_a_damaged_catalogue_is_made_anew(grown: Any, trace: Trace, tmp_path: Path) -> None:
    expected = trace(grown, "calm-heron").as_data()
    (kept,) = (tmp_path / "lineage").iterdir()
    for damage in (b"", b"[]", b'{"format": 1, "runs": {"x": {}}}', b'{"format": 99}'):
        kept.write_bytes(damage)
        assert trace(grown, "calm-heron").as_data() == expected


def test_a_run_that_was_named_and_never_begun_is_passed_over(
    grown: Any, trace: Trace, caplog: pytest.LogCaptureFixture
) -> None:
    from slipway.platform.runs.names import bind_name

    bind_name(grown.store, f"r1-{'9' * 64}", model="m", now=grown.project.desk.now(), wanted="never-begun")
    with caplog.at_level(logging.WARNING):
        assert trace(grown, "calm-heron").nodes
    assert "never begun" in caplog.text


def test_the_text_tells_each_thing_once_and_folds_many(grown: Any, trace: Trace) -> None:
    lines = as_text(trace(grown, f"{grown.project.model}/1"), downstream=False)
    text = "\n".join(lines)
    assert "file: 9 files: slipway/training/part_0.py" in text
    assert text.count("by ada on nest, 2026-03-01 ") == 2
    assert as_text(trace(grown, "wide-heron", downstream=True), downstream=True)[-1] == "Nothing came of it yet."
    snapshot = grown.snapshots["first"].digest
    below = as_text(trace(grown, f"snapshot:{snapshot}", downstream=True), downstream=True)
    assert sum("calm-heron" in line for line in below) == 1


def test_the_picture_is_whole_and_stands_in_order(grown: Any, trace: Trace) -> None:
    from xml.etree import ElementTree as ET

    graph = trace(grown, f"{grown.project.model}/1")
    picture = as_svg(graph)
    assert picture == as_svg(graph)
    root = ET.fromstring(picture)  # noqa: S314 - ours
    assert "href" not in picture
    assert "<script" not in picture
    namespace = "{http://www.w3.org/2000/svg}"
    left = {}
    for group in root.iter(f"{namespace}g"):
        words = " ".join(text.text or "" for text in group.iter(f"{namespace}text"))
        left[words] = float(group.find(f"{namespace}rect").attrib["x"])  # type: ignore[union-attr]

    def place(beginning: str) -> float:
        return next(x for words, x in left.items() if words.startswith(beginning))

    order = [place(one) for one in ("snapshot", "rows", "calm-heron", "export", "bundle", grown.project.model)]
    assert order == sorted(set(order))
    assert any(words.startswith("9 files") for words in left)
    width = float(root.attrib["width"])
    assert all(0 <= x < width for x in left.values())


def test_rows_are_counted_once_and_only_from_the_table_that_has_the_name(
    grown: Any, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from slipway.platform.lineage import tables

    def opened(folder: Path) -> None:
        raise AssertionError(folder)

    version = f"{grown.project.model}/1"
    told = labels(trace(grown, version), Kind.ROWS)
    notes = grown.project.loaded.settings.data.cache / "lineage" / "counts"
    (kept,) = notes.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(tables, "_rows", opened)
        assert labels(trace(grown, version), Kind.ROWS) == told
        kept.write_bytes(b"nonsense")
        with pytest.raises(AssertionError):
            trace(grown, version)
    index = grown.snapshots["first"].folder / "index.parquet"
    pq.write_table(pq.read_table(index).slice(0, 1), index)
    kept.unlink()
    assert labels(trace(grown, version), Kind.ROWS) != told
    assert list(notes.iterdir()) == []
