"""One version for each bundle, with MLflow as a file and as a server: whatever races, whoever is killed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from releasing import MODEL, Site
from slipway.platform.ledger.entry import Action
from slipway.platform.registry import approving, promoting
from slipway.platform.registry.mlflow import ModelVersion
from slipway.platform.registry.records import load_version
from slipway.platform.registry.versions import register

pytestmark = pytest.mark.timeout(400)
PROCESSES = 8
Script = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def run(site: Site) -> str:
    """A training that MLflow knows; its key."""
    parts = site.run("run-a")
    site.track(parts, "run-a")
    return parts.key


def versions(site: Site, bundle: str) -> list[str]:
    found = site.gates.registry.versions(MODEL)
    return [one.number for one in found if one.tags.get("bundle") == bundle]


def told(site: Site, bundle: str) -> int:
    entries = [one.entry.decision for one in site.gates.ledger.entries(MODEL)]
    return sum(one.action is Action.REGISTER and one.subjects["bundle"] == bundle for one in entries)


def test_of_eight_at_once_all_have_the_same_version(site: Site, script: Script, run: str) -> None:
    made = site.bundle("raced", run=run)
    site.judge(made)
    task = {"root": str(site.root), "uri": site.tracking_uri, "bundle": "raced", "run": run, "processes": PROCESSES}
    found = script("racing_registrations.py", task)
    record = load_version(site.gates.store, made.digest)
    assert found == [{"number": record.number, "nonce": record.nonce}] * PROCESSES
    assert register(site.desk("finn"), site.registration(made)).how == "found"
    assert versions(site, made.digest) == [record.number]
    assert told(site, made.digest) == 1
    assert site.gates.registry.aliases(MODEL) == {"challenger": record.number}


def test_whoever_is_killed_at_any_step_the_next_makes_one_version(site: Site, script: Script, run: str) -> None:
    task = {"root": str(site.root), "uri": site.tracking_uri, "bundle": "killed", "run": run}
    kills = script("killed_registrations.py", task)
    assert [kill["killed"] for kill in kills] == [True] * (len(kills) - 1) + [False]
    assert len(kills) > len(site.bundle(kills[0]["bundle"], run=run).kept.files)  # an artefact each, and all the rest
    for kill in kills:
        made = site.bundle(kill["bundle"], run=run)
        record = register(site.desk("finn"), site.registration(made)).record
        assert versions(site, made.digest) == [record.number]
        assert told(site, made.digest) == 1
    standing = site.gates.standing(MODEL)
    assert standing.challenger is not None
    assert site.gates.registry.aliases(MODEL) == {"challenger": standing.versions[standing.challenger].number}


def described(site: Site, version: ModelVersion) -> str:
    """What MLflow itself finds of the version's signature, as its page asks for it."""
    if not site.tracking_uri.startswith("http"):
        return (Path(version.source) / "MLmodel").read_text()
    asked = {"name": version.model, "version": version.number, "path": "MLmodel"}
    answer = httpx.get(f"{site.tracking_uri}/model-versions/get-artifact", params=asked)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.text


def test_from_registering_to_champion(site: Site, run: str) -> None:
    made = site.bundle("way", run=run)
    site.judge(made)
    record = register(site.desk("finn"), site.registration(made)).record
    name = f"{MODEL}/{record.number}"
    approving.approve(site.desk("ben"), name)
    promoting.promote(site.desk("dora"), name)
    version = site.gates.registry.version(MODEL, record.number)
    assert version is not None
    assert version.aliases == ("champion",)
    assert version.source.endswith("/artifacts/bundle")
    assert '"name": "images"' in described(site, version)
    assert "approved by ben" in version.description


def test_an_external_bundle_is_a_version_too(site: Site) -> None:
    made = site.bundle("vendor")
    site.judge(made)
    record = register(site.desk("finn"), site.registration(made)).record
    assert versions(site, made.digest) == [record.number]
