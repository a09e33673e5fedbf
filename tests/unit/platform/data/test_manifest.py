"""The manifest names the snapshot; a hostile or foreign one is refused."""

import json
from typing import Any

import pytest

from slipway.platform.canonical import canonical
from slipway.platform.data.errors import SnapshotDamaged
from slipway.platform.data.manifest import FileEntry, Manifest, Provenance

ENTRY = {"sha256": "a" * 64, "size": 1}


def document(**changes: Any) -> bytes:
    return canonical({"schema_version": 1, "counts": {}, "files": {"index.parquet": ENTRY}} | changes)


def test_the_digest_of_a_manifest_never_changes_with_the_code() -> None:
    manifest = Manifest(
        counts={"images": 1},
        files={"index.parquet": FileEntry(sha256="0" * 64, size=3)},
        provenance=(Provenance(kind="coco", source="Straße", detail={"b": True, "i": 1, "f": 1.0, "s": "x"}),),
        licence="MIT",
    )
    assert manifest.digest == "767a80a5e10d129b1fdbf5c610ddf2129c9e0595d4cc8f0fe5e91494d186028c"
    assert Manifest.from_bytes(manifest.to_bytes(), "here").digest == manifest.digest


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "shards/../../x", "a\\b", ".hidden", "", "a//b", "a\n", "shards/.."]
)
def test_names_that_would_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(SnapshotDamaged, match="here is no snapshot manifest"):
        Manifest.from_bytes(document(files={name: ENTRY}), "here")


def test_another_version_is_told_before_its_unknown_keys() -> None:
    with pytest.raises(SnapshotDamaged, match="has schema version 2, this slipway reads 1"):
        Manifest.from_bytes(document(schema_version=2, streams=[]), "here")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "the whole file"),
        (b"[]", "the whole file"),
        (b"{", "the whole file"),
        (document(colour=1), "colour"),
        (document(files={"index.parquet": {"sha256": "x", "size": 1}}), "files.index.parquet.sha256"),
        (document(files={"index.parquet": {"sha256": "a" * 64, "size": -1}}), "files.index.parquet.size"),
    ],
)
def test_what_is_no_manifest_is_told_by_its_key(data: bytes, told: str) -> None:
    with pytest.raises(SnapshotDamaged, match=f"here is no snapshot manifest: {told}"):
        Manifest.from_bytes(data, "here")


def test_canonical_json_has_one_form() -> None:
    assert canonical({"b": 1.0, "a": ["ü", None]}) == '{"a":["ü",null],"b":1.0}'.encode()
    assert json.loads(canonical({"a": 1})) == {"a": 1}
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))
