"""Which bundle a training was exported to, from results whose files are a bundle."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.registry.bundles import fetch_bundle, load_bundle
from slipway.platform.registry.exports import exported, keep_export
from slipway.platform.runs.errors import RecordDamaged
from slipway.platform.runs.records import Result
from slipway.platform.runs.results import store_files
from slipway.platform.settings import load
from slipway.platform.store import Store, open_store

RUN = "r1-" + "a" * 64
WORK = "r1-" + "b" * 64


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "project").mkdir()
    settings = load(tmp_path / "project", {}).settings
    return open_store(settings.store, settings.s3)


def result(store: Store, folder: Path, key: str = WORK, *, graph: bytes = b"graph", lists: bytes = b"graph") -> Result:
    """Of an export that wrote a graph, and a manifest that lists one."""
    folder.mkdir()
    (folder / "model.fp32.onnx").write_bytes(graph)
    listed = {"model.fp32.onnx": {"sha256": hashlib.sha256(lists).hexdigest(), "size": len(lists)}}
    (folder / "manifest.json").write_text(json.dumps({"model": "bay-occupancy", "files": listed}))
    files = store_files(store, folder)
    return Result(key=key, attempt=1, finished=datetime.now(UTC), files=files, metrics={}, steps=0, seconds=1.0)


def test_the_files_of_a_result_become_a_bundle_under_the_manifests_digest(store: Store, tmp_path: Path) -> None:
    kept = keep_export(store, result(store, tmp_path / "made"), RUN)

    folder = fetch_bundle(store, load_bundle(store, kept.digest), tmp_path / "fetched")
    assert (folder / "model.fp32.onnx").read_bytes() == b"graph"
    assert kept.digest == hashlib.sha256((tmp_path / "made" / "manifest.json").read_bytes()).hexdigest()


def test_keeping_it_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    made = result(store, tmp_path / "made")
    keep_export(store, made, RUN)
    before = {key: store.get(key) for key in store.list("")}

    keep_export(store, made, RUN)

    assert {key: store.get(key) for key in store.list("")} == before


def test_the_last_export_of_a_training_counts_and_the_bundle_before_stays(store: Store, tmp_path: Path) -> None:
    first = keep_export(store, result(store, tmp_path / "one"), RUN)
    later = "r1-" + "c" * 64
    second = keep_export(store, result(store, tmp_path / "two", later, graph=b"new", lists=b"new"), RUN)

    said = exported(store, RUN)
    assert said is not None
    assert (said.bundle, said.work) == (second.digest, later)
    assert load_bundle(store, first.digest).model == "bay-occupancy"
    assert exported(store, WORK) is None


def test_a_manifest_that_lists_another_file_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(RecordDamaged, match="are not those that its manifest names"):
        keep_export(store, result(store, tmp_path / "made", lists=b"another"), RUN)
    assert exported(store, RUN) is None
    assert list(store.list("bundles/")) == []


def test_a_result_that_is_no_bundle_is_refused(store: Store, tmp_path: Path) -> None:
    made = result(store, tmp_path / "made")

    with pytest.raises(WrongUse, match="is no bundle"):
        keep_export(store, made.model_copy(update={"files": {}}), RUN)
