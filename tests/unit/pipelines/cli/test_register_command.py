"""`slipway model register`: what is verified first, and what becomes a version."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from handmade_bundle import MODEL, make_bundle
from releasing import Made, Site
from slipway.pipelines.cli.model import app
from slipway.platform.registry.bundles import MANIFEST, keep_bundle
from slipway.platform.registry.desk import Refused
from slipway.serving.bundle.folder import BadBundle


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A project without versions."""
    return Site(tmp_path / "site").open()


@pytest.fixture
def made(site: Site, tmp_path: Path) -> Made:
    """A real bundle, in the store and in a folder."""
    bundle = make_bundle(tmp_path / "bundle")
    return Made(keep_bundle(site.gates.store, bundle.folder), bundle.folder)


@pytest.fixture
def register(site: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the command as finn."""
    monkeypatch.chdir(site.root)
    for name, value in {**site.environ, "SLIPWAY_IDENTITY__PERSON": "finn"}.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["register", *arguments])

    return run


def test_a_bundle_is_registered_once_by_folder_or_digest(site: Site, made: Made, register: Callable[..., Any]) -> None:
    site.judge(made, model=MODEL)
    assert "make it a version of bay-occupancy" in register(str(made.folder), "--dry-run").stderr
    assert site.gates.registry.versions(MODEL) == []
    first = json.loads(register(str(made.folder), "--json").stdout)
    assert (first["how"], first["number"], first["risk"]) == ("made", "1", "minimal")
    assert first["answered_by"] == "finn"
    again = json.loads(register(made.digest[:12], "--json").stdout)
    assert (again["how"], again["nonce"]) == ("found", first["nonce"])
    assert "change nothing" in register(made.digest[:12], "--dry-run").stderr


def pickled(folder: Path) -> None:
    (folder / "model.fp32.onnx").write_bytes(pickle.dumps({"weights": [1, 2]}))


def outside(folder: Path) -> None:
    (folder / "weights.bin").write_bytes(b"external data")


def renamed(folder: Path) -> None:
    told = json.loads((folder / MANIFEST).read_text())
    told["files"]["golden.npz"]["sha256"] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(told, sort_keys=True, separators=(",", ":")))


@pytest.mark.parametrize("spoil", [pickled, outside, renamed])
def test_a_bundle_that_is_not_sound_is_refused_before_anything_changes(
    site: Site, made: Made, register: Callable[..., Any], spoil: Callable[[Path], None]
) -> None:
    site.judge(made, model=MODEL)
    before = list(site.gates.store.list())
    spoil(made.folder)
    failed = register(str(made.folder))
    assert isinstance(failed.exception, BadBundle)
    assert site.gates.registry.versions(MODEL) == []
    assert list(site.gates.store.list()) == before


def test_without_a_passing_verdict_nothing_is_registered(site: Site, made: Made, register: Callable[..., Any]) -> None:
    assert isinstance(register(str(made.folder), "--dry-run").exception, Refused)
    site.judge(made, model=MODEL, passed=False)
    failed = register(str(made.folder))
    assert isinstance(failed.exception, Refused)
    assert "accuracy is 0.2" in str(failed.exception)
    assert site.gates.registry.versions(MODEL) == []
