"""Bundles in the store: kept whole, found by whatever names them, and fetched once."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

import small_onnx
from slipway.platform.errors import WrongUse
from slipway.platform.registry.bundles import Kept, bundle_key, fetch_bundle, keep_bundle, load_bundle, locate
from slipway.platform.registry.exports import keep_export
from slipway.platform.runs.errors import RecordDamaged
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.names import bind_name
from slipway.platform.runs.parts import CodeFile, Parts
from slipway.platform.runs.records import Result
from slipway.platform.runs.results import result_key, store_files
from slipway.platform.settings import Loaded, load
from slipway.platform.store import Store, open_store

NOW = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """The settings of a project."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "slipway.toml").touch()
    return load(tmp_path / "project", {"HOME": str(tmp_path)})


@pytest.fixture
def store(loaded: Loaded) -> Store:
    """Its store."""
    return open_store(loaded.settings.store, loaded.settings.s3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle."""
    return small_onnx.bundle(tmp_path / "made").folder


@pytest.fixture
def kept(store: Store, folder: Path) -> Kept:
    """The same in the store."""
    return keep_bundle(store, folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def work(store: Store, seed: int, name: str) -> str:
    """A named piece of work that was begun."""
    code = (CodeFile(path="main.py", sha256="0" * 64),)
    parts = Parts(model="small-bays", snapshot="5" * 64, view={}, code=code, config={"seed": seed}, lock=())
    store.put_if_absent(WorkKeys(parts.key).parts, parts.to_bytes())
    bind_name(store, parts.key, model="small-bays", now=NOW, wanted=name)
    return parts.key


def exported(store: Store, folder: Path) -> tuple[str, str]:
    """The keys of a training, and of its export."""
    training, export = work(store, 1, "first-try"), work(store, 2, "its-export")
    result = Result(
        key=export, attempt=1, finished=NOW, files=store_files(store, folder), metrics={}, steps=1, seconds=1
    )
    keep_export(store, result.bind(store, WorkKeys(export).result), training)
    return training, export


def test_a_bundle_is_kept_once_and_comes_back_as_it_was(loaded: Loaded, store: Store, folder: Path, kept: Kept) -> None:
    before = list(store.list())
    assert keep_bundle(store, folder) == kept
    assert list(store.list()) == before
    assert contents(locate(kept.digest, loaded, store)) == contents(folder)


def test_a_folder_that_is_not_what_its_manifest_says_is_not_kept(store: Store, folder: Path) -> None:
    (folder / "reference.json").write_bytes(b"{}")
    with pytest.raises(RecordDamaged, match=r"reference\.json is not the file"):
        keep_bundle(store, folder)
    assert list(store.list("bundles/")) == []


def test_a_folder_is_taken_as_it_is(loaded: Loaded, store: Store, folder: Path) -> None:
    assert locate(str(folder), loaded, store) == folder
    assert not (loaded.root / ".slipway" / "bundles").exists()


def test_everything_that_names_a_bundle_finds_it(loaded: Loaded, store: Store, folder: Path) -> None:
    training, export = exported(store, folder)
    digest = Kept((folder / "manifest.json").read_bytes()).digest
    place = loaded.root / ".slipway" / "bundles" / digest
    for text in (digest, digest[:6], "first-try", training, training[:12], "its-export", export):
        assert locate(text, loaded, store) == place
    assert contents(place) == contents(folder)


def test_an_export_that_nobody_kept_yet_is_found_by_its_own_name(loaded: Loaded, store: Store, folder: Path) -> None:
    export = work(store, 2, "its-export")
    files = store_files(store, folder)
    Result(key=export, attempt=1, finished=NOW, files=files, metrics={}, steps=1, seconds=1).bind(
        store, WorkKeys(export).result
    )
    assert contents(locate("its-export", loaded, store)) == contents(folder)
    assert len(list(store.list("bundles/"))) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nobody", "`nobody` is no folder and names no bundle"),
        ("abcdef", "`abcdef` is no folder and names no bundle"),
        ("./nowhere", "is no folder"),
        ("/nowhere/at/all", "is no folder"),
        ("first-try", "has not been exported"),
    ],
)
def test_what_names_nothing_is_told(loaded: Loaded, store: Store, text: str, said: str) -> None:
    work(store, 1, "first-try")
    with pytest.raises(WrongUse, match=said):
        locate(text, loaded, store)


def test_a_beginning_of_two_digests_is_refused(loaded: Loaded, store: Store, kept: Kept) -> None:
    store.put(bundle_key(kept.digest[:10] + "0" * 54), b"{}")
    with pytest.raises(WrongUse, match="begins 2 bundles"):
        locate(kept.digest[:8], loaded, store)
    assert locate(kept.digest, loaded, store).name == kept.digest


def test_a_manifest_under_a_wrong_digest_is_refused(loaded: Loaded, store: Store, kept: Kept) -> None:
    wrong = "0" * 64
    store.put(bundle_key(wrong), kept.data)
    with pytest.raises(RecordDamaged, match="not what its name says"):
        locate(wrong, loaded, store)
    with pytest.raises(RecordDamaged):
        load_bundle(store, wrong)


@pytest.mark.parametrize("change", ["a byte", "a file more", "a file less", "a link", "the manifest"])
def test_a_fetched_bundle_that_was_changed_is_fetched_anew(
    loaded: Loaded, store: Store, folder: Path, kept: Kept, change: str
) -> None:
    place = locate(kept.digest, loaded, store)
    match change:
        case "a byte":
            (place / "golden.npz").write_bytes(b"x" + (place / "golden.npz").read_bytes()[1:])
        case "a file more":
            (place / "more.txt").write_text("x")
        case "a file less":
            (place / "reference.json").unlink()
        case "a link":
            (place / "reference.json").unlink()
            (place / "reference.json").symlink_to(folder / "reference.json")
        case _:
            (place / "manifest.json").write_text(json.dumps({}))
    assert contents(locate(kept.digest, loaded, store)) == contents(folder)
    assert not (place / "reference.json").is_symlink()
    assert [path.name for path in place.parent.iterdir()] == [kept.digest]


def test_of_many_who_fetch_at_once_all_have_a_whole_bundle(
    loaded: Loaded, store: Store, folder: Path, kept: Kept
) -> None:
    expected = contents(folder)

    def look(_: int) -> bool:
        return contents(locate(kept.digest, loaded, store)) == expected

    for _ in range(5):
        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(look, range(48)))
        shutil.rmtree(loaded.root / ".slipway" / "bundles")


@pytest.mark.parametrize("name", ["../../escaped", "/etc/cron.d/x", "folder/file", ".hidden"])
def test_names_that_lead_out_of_the_folder_are_refused(loaded: Loaded, store: Store, kept: Kept, name: str) -> None:
    manifest = json.loads(kept.data)
    manifest["files"][name] = manifest["files"]["reference.json"]
    crafted = Kept(json.dumps(manifest, sort_keys=True).encode())
    store.put(bundle_key(crafted.digest), crafted.data)
    with pytest.raises(RecordDamaged, match="no name in a folder"):
        locate(crafted.digest, loaded, store)
    assert list((loaded.root / ".slipway" / "bundles").iterdir()) == []
    assert list(loaded.root.rglob("escaped")) == []


def test_a_folder_with_another_bundle_is_brought_to_this_one(
    store: Store, folder: Path, kept: Kept, tmp_path: Path
) -> None:
    place = tmp_path / "out"
    shutil.copytree(folder, place)
    said = json.loads((place / "manifest.json").read_bytes())
    said["files"]["model.old.onnx"] = said["files"]["reference.json"]
    (place / "manifest.json").write_text(json.dumps(said))
    (place / "model.old.onnx").write_bytes(b"of another bundle")
    (place / "golden.npz").write_bytes(b"of another bundle")
    fetch_bundle(store, kept, place)
    assert contents(place) == contents(folder)
    (place / "manifest.json").write_bytes(b"[]")
    fetch_bundle(store, kept, place)
    assert contents(place) == contents(folder)


def test_nothing_is_fetched_twice(loaded: Loaded, store: Store, kept: Kept) -> None:
    place = locate(kept.digest, loaded, store)
    for file in kept.files.items():
        store.delete(result_key(*file))
    assert locate(kept.digest, loaded, store) == place
    shutil.rmtree(place)
    with pytest.raises(Exception, match="sha256"):
        locate(kept.digest, loaded, store)
    assert list(place.parent.iterdir()) == []
