"""`slipway data import` and `export`, as a person runs them."""

import json
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data.errors import BadExport
from slipway.platform.data.exchange.delivery import check_destination, delivered
from slipway.platform.data.snapshot import Snapshot


@pytest.fixture
def coco(tmp_path: Path, lay: Any, picture: Any) -> Path:
    """A small set."""
    document = {
        "images": [{"id": number, "file_name": f"{number}.jpg"} for number in range(3)],
        "annotations": [{"id": 1, "image_id": 2, "category_id": 1, "bbox": [1, 1, 2, 2]}],
        "categories": [{"id": 1, "name": "car"}],
    }
    images = {f"images/{number}.jpg": picture(number) for number in range(3)}
    folder: Path = lay(tmp_path / "gate", {**images, "annotations/train.json": json.dumps(document)})
    return folder


def test_import_tells_counts_and_export_gives_it_back(
    project: Path, slipway: Any, coco: Path, tmp_path: Path, tree: Any
) -> None:
    told = ("--site", "north", "--camera", "c1", "--day", "2026-11-20", "--legal-basis", "contract")
    imported = slipway("data", "import", "coco", str(coco), *told, "--licence", "MIT", "--author", "me", "--json")
    assert imported.returncode == 0, imported.stderr
    assert "The source's own splits are kept: `train`." in imported.stderr
    result = json.loads(imported.stdout)
    snapshot = Snapshot(project / "data")
    assert result["snapshot"] == snapshot.digest
    assert (result["new_images"], result["splits"], result["categories"]) == (3, {"train": 3}, {"car": 1})
    row = snapshot.index.to_pylist()[0]
    assert [row[name] for name in ("site", "camera", "day", "legal_basis")] == ["north", "c1", "2026-11-20", "contract"]
    exported = slipway("data", "export", "coco", str(tmp_path / "out"))
    assert exported.returncode == 0, exported.stderr
    out, source = tree(tmp_path / "out"), tree(coco)
    assert json.loads(out.pop("annotations/train.json")) == json.loads(source.pop("annotations/train.json"))
    assert out == source


def test_a_dry_run_tells_and_writes_nothing(project: Path, slipway: Any, coco: Path) -> None:
    result = slipway("data", "import", "coco", str(coco), "--dry-run", "--split", "test")
    assert result.returncode == 0, result.stderr
    assert "test 3" in result.stdout
    assert "changed" in result.stdout
    assert list(project.iterdir()) == []


def test_wrong_use_is_one_message_and_leaves_the_earlier_snapshot(
    project: Path, slipway: Any, coco: Path, lay: Any, take_in: Any
) -> None:
    before = take_in("coco", coco, project / "data").digest
    lay(coco, {"images/1.jpg": b"\xff\xd8\xff"})
    result = slipway("data", "import", "coco", str(coco), "--name", "other")
    assert result.returncode == 2
    assert "image id 1" in result.stderr
    assert "Traceback" not in result.stderr
    snapshot = Snapshot(project / "data")
    assert (snapshot.digest, list(snapshot.verify())) == (before, [])
    assert [path.name for path in project.iterdir()] == ["data"]


def test_an_import_into_a_folder_of_something_else_is_refused(
    slipway: Any, coco: Path, lay: Any, tmp_path: Path
) -> None:
    lay(tmp_path / "photos", {"cat.jpg": b"mine"})
    result = slipway("data", "import", "coco", str(coco), "--into", str(tmp_path / "photos"))
    assert result.returncode == 1
    assert "holds no snapshot" in result.stderr
    assert (tmp_path / "photos/cat.jpg").read_bytes() == b"mine"


def test_export_writes_to_new_folders_and_replaces_its_own_by_force(
    slipway: Any, coco: Path, lay: Any, tmp_path: Path, tree: Any, take_in: Any
) -> None:
    take_in("coco", coco, tmp_path / "data")
    command = ("data", "export", "coco", str(tmp_path / "out"), "--from", str(tmp_path / "data"))
    assert slipway(*command).returncode == 0
    first = tree(tmp_path / "out")
    lay(tmp_path / "out", {"later.txt": "x"})
    refused = slipway(*command)
    assert (refused.returncode, "--force" in refused.stderr) == (2, True)
    assert slipway(*command, "--force").returncode == 0
    assert tree(tmp_path / "out") == first
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("force", [True, False])
def test_an_export_touches_no_folder_that_it_did_not_make(lay: Any, tmp_path: Path, force: bool) -> None:
    lay(tmp_path / "mine", {"a": "x"})
    with pytest.raises(BadExport, match="holds something else than an export"):
        check_destination(tmp_path / "mine", replace=force)
    with pytest.raises(BadExport, match="is no folder"):
        check_destination(tmp_path / "mine/a", replace=force)


def test_names_that_leave_the_folder_or_come_twice_stop_an_export(tmp_path: Path) -> None:
    def export(*names: str) -> None:
        with delivered(tmp_path / "out", {}) as delivery:
            for name in names:
                delivery.text(name, "")

    for names in (["../x"], ["/x"], ["a/../../x"], ["a", "a"]):
        with pytest.raises(BadExport, match="would"):
            export(*names)
    assert list(tmp_path.iterdir()) == []


def test_export_of_a_damaged_snapshot_leaves_nothing(
    project: Path, slipway: Any, coco: Path, tmp_path: Path, take_in: Any
) -> None:
    take_in("coco", coco, project / "data")
    shard = next((project / "data/shards").iterdir())
    shard.write_bytes(shard.read_bytes()[:600])
    result = slipway("data", "export", "coco", str(tmp_path / "out"))
    assert result.returncode == 1
    assert f"shard {shard.stem[:12]} is truncated" in result.stderr
    assert not any(path.name.endswith("out") or ".out." in path.name for path in tmp_path.iterdir())
