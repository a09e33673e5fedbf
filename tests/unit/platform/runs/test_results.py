"""Files of results by content, and references to them, to files and to registered versions."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.registry.bundles import bundle_key
from slipway.platform.runs.errors import RecordDamaged, RunsError
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.names import bind_name
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Result, StoredFile
from slipway.platform.runs.references import (
    WEIGHTS,
    Reference,
    bring,
    keep,
    resolve_references,
)
from slipway.platform.runs.results import bind_result, fetch_file, load_result, result_key, store_files
from slipway.platform.store import DigestMismatch, Store

NOW = datetime(2026, 11, 20, tzinfo=UTC)
KEY = "r1-" + "ab" * 32


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a child left."""
    place = tmp_path / "results"
    (place / "pictures").mkdir(parents=True)
    (place / WEIGHTS).write_bytes(b"weights")
    (place / "pictures" / "curve.png").write_bytes(b"picture")
    (place / ".half.123").write_bytes(b"half")
    return place


@pytest.fixture
def result(store: Store, folder: Path) -> Result:
    files = store_files(store, folder)
    return bind_result(
        store, Result(key=KEY, attempt=1, finished=NOW, files=files, metrics={"mAP": 0.5}, steps=1, seconds=1)
    )


def test_files_are_stored_by_content_with_their_suffix(store: Store, result: Result) -> None:
    assert result.files == {
        "pictures/curve.png": StoredFile(sha256=sha256(b"picture"), size=7),
        WEIGHTS: StoredFile(sha256=sha256(b"weights"), size=7),
    }
    assert set(store.list("results/")) == {
        f"results/sha256-{sha256(b'picture')}.png",
        f"results/sha256-{sha256(b'weights')}.safetensors",
    }


@pytest.mark.parametrize("name", ["../weights", "/etc/passwd", "a/../../b", "./a", "a//b"])
def test_a_result_whose_files_lie_elsewhere_is_refused(store: Store, result: Result, name: str) -> None:
    data = result.to_bytes().replace(b'"pictures/curve.png"', f'"{name}"'.encode())
    store.put(WorkKeys(KEY).result, data)
    with pytest.raises(RecordDamaged, match="is no name of a file in a folder"):
        load_result(store, KEY)


def test_a_record_that_is_damaged_or_newer_is_told_with_its_place(store: Store, result: Result) -> None:
    whole = result.to_bytes()
    for data, told in (
        (b"", "Invalid JSON"),
        (whole[:40], "Invalid JSON"),
        (whole[:-1] + b',"new":1}', "`new`: Extra"),
    ):
        store.put(WorkKeys(KEY).result, data)
        with pytest.raises(RecordDamaged, match=f"^{WorkKeys(KEY).result} in .* should hold Result as JSON; {told}"):
            load_result(store, KEY)


def test_what_is_there_is_not_sent_again(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = store_files(store, folder)
    sent: list[str] = []
    monkeypatch.setattr(store, "put_file", lambda key, _: sent.append(key))
    assert store_files(store, folder) == first
    assert sent == []


def test_a_file_comes_back_checked_and_a_damaged_one_does_not(store: Store, result: Result, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "weights"
    fetch_file(store, result, WEIGHTS, target)
    assert target.read_bytes() == b"weights"
    damaged = tmp_path / "store" / result_key(WEIGHTS, result.files[WEIGHTS])
    damaged.chmod(0o644)
    damaged.write_bytes(b"wrongly")
    with pytest.raises(DigestMismatch):
        fetch_file(store, result, WEIGHTS, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_file_that_is_not_in_the_result_is_told_with_the_nearest(
    store: Store, result: Result, tmp_path: Path
) -> None:
    with pytest.raises(RunsError, match=r"no file `weights\.safetensor`") as refused:
        fetch_file(store, result, "weights.safetensor", tmp_path / "x")
    assert refused.value.mend == f"Did you mean `{WEIGHTS}`?"
    assert load_result(store, "r1-" + "00" * 32) is None


@dataclass
class Registry:
    """One model with one version."""

    bundle: str = ""

    def bundle_of(self, model: str, *, alias: str | None, version: str | None) -> str:
        if model == "bird" and "champion" in (alias, version and "champion"):
            return self.bundle
        raise WrongUse(f"unknown: {model}, {alias}, {version}")


def resolve(store: Store, root: Path, given: object, bundle: str = "") -> Reference:
    return resolve_references({"start": given}, root=root, store=store, registry=Registry(bundle))["start"]


def keep_lineage(store: Store, lineage: Mapping[str, str]) -> str:
    """A bundle's manifest, as far as references look at it; its digest."""
    data = json.dumps({"lineage": lineage}).encode()
    store.put(bundle_key(sha256(data)), data)
    return sha256(data)


def test_a_file_means_its_content_wherever_it_is(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"weights")
    (tmp_path / "b.bin").write_bytes(b"weights")
    found = [resolve(store, tmp_path, given) for given in ("a.bin", str(tmp_path / "b.bin"))]
    assert [one.digest for one in found] == [sha256(b"weights")] * 2


def test_a_file_that_was_kept_is_brought_from_the_store_alone(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"weights")
    found = resolve(store, tmp_path, "a.bin")
    with pytest.raises(RunsError, match="has no file with the sha256"):
        bring(found.digest, store, tmp_path / "place" / "start")
    keep(found, store)
    (tmp_path / "a.bin").unlink()
    keep(found, store)
    bring(found.digest, store, tmp_path / "place" / "start")
    assert (tmp_path / "place" / "start").read_bytes() == b"weights"


def test_a_file_that_is_changed_before_it_is_kept_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"weights")
    found = resolve(store, tmp_path, "a.bin")
    (tmp_path / "a.bin").write_bytes(b"changed")
    with pytest.raises(RunsError, match="was changed after the work was named"):
        keep(found, store)
    assert not list(store.list("references/"))


@pytest.mark.usefixtures("result")
def test_another_run_means_its_weights(store: Store, tmp_path: Path, make_parts: Callable[..., Parts]) -> None:
    bind_name(store, KEY, model="bird", now=NOW, wanted="first-try")
    for given in ("runs:/first-try", "run:first-try", f"runs:/{KEY}", f"run:{KEY[:10]}"):
        found = resolve(store, tmp_path, given)
        assert found.digest == sha256(b"weights")
        keep(found, store)
        bring(found.digest, store, tmp_path / "start")
        assert (tmp_path / "start").read_bytes() == b"weights"
    assert not list(store.list("references/")), "the store has it already, as a file of the result"
    unfinished = make_parts()
    bind_name(store, unfinished.key, model="bird", now=NOW, wanted="second-try")
    with pytest.raises(WrongUse, match="`runs:/second-try` has no result yet"):
        resolve(store, tmp_path, "runs:/second-try")


@pytest.mark.parametrize("given", ["models:/bird@champion", "models:/bird/3"])
def test_a_registered_version_means_the_weights_behind_its_bundle(store: Store, tmp_path: Path, given: str) -> None:
    bundle = keep_lineage(store, {"weights": "9" * 64})
    assert resolve(store, tmp_path, given, bundle) == Reference(given, "9" * 64)
    with pytest.raises(SlipwayError, match="unknown: fish, champion, None"):
        resolve(store, tmp_path, "models:/fish@champion")


def test_a_version_that_was_made_elsewhere_is_nothing_to_start_from(store: Store, tmp_path: Path) -> None:
    bundle = keep_lineage(store, {"origin": "a vendor"})
    with pytest.raises(WrongUse, match="was made elsewhere"):
        resolve(store, tmp_path, "models:/bird/3", bundle)


def test_a_reference_has_a_name_that_a_file_may_have(store: Store, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"`references\.\.\./start` is no name"):
        resolve_references({"../start": "x"}, root=tmp_path, store=store, registry=Registry())


@pytest.mark.parametrize("given", ["models:/bird", "models:/bird@", "runs:/", "run:", "nowhere.bin", "", 3, None])
def test_a_reference_to_nothing_is_named(store: Store, tmp_path: Path, given: object) -> None:
    with pytest.raises(WrongUse, match=r"`references\.start` "):
        resolve(store, tmp_path, given)
