"""Registering: what MLflow, the store and the ledger say of a version, and what is refused."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from releasing import MODEL, Site
from slipway.platform.ledger.entry import Action
from slipway.platform.registry.authors import Hands, hands_of
from slipway.platform.registry.desk import Refused
from slipway.platform.registry.records import load_version, version_key
from slipway.platform.registry.verdict import Verdict
from slipway.platform.registry.versions import plan, register
from slipway.platform.runs.errors import RecordDamaged


def actions(site: Site) -> list[tuple[str, str]]:
    return [(one.entry.decision.action.value, one.signer) for one in site.gates.ledger.entries()]


def test_a_version_shows_where_it_came_from(site: Site) -> None:
    parts = site.run("run-a")
    run_id = site.track(parts, "run-a")
    made = site.bundle("a", run=parts.key, parts=parts)
    verdict = site.judge(made)
    done = register(site.desk("finn"), site.registration(made))
    assert done.how == "made"
    assert done.record == load_version(site.gates.store, made.digest)
    version = site.gates.registry.version(MODEL, "1")
    assert version is not None
    assert version.run_id == run_id
    assert version.aliases == ("challenger",)
    told = {"bundle": made.digest, "run_key": parts.key, "snapshot": parts.snapshot, "verdict": verdict.key,
            "team": "perception", "owner": "ada", "risk": "limited", "lock": "e" * 64}  # fmt: skip
    assert told.items() <= version.tags.items()
    assert "Say whether a bay is free." in version.description
    assert actions(site) == [("verdict", "gates"), ("register", "finn")]


def test_the_bundle_is_an_artefact_with_a_signature(site: Site) -> None:
    parts = site.run("run-a")
    site.track(parts, "run-a")
    made = site.bundle("a", run=parts.key, parts=parts)
    site.judge(made)
    register(site.desk("finn"), site.registration(made))
    version = site.gates.registry.version(MODEL, "1")
    assert version is not None
    folder = Path(version.source)
    assert {path.name for path in folder.iterdir()} == {*made.kept.files, "manifest.json", "MLmodel"}
    told = yaml.safe_load((folder / "MLmodel").read_text())
    assert json.loads(told["signature"]["inputs"]) == [
        {"name": "images", "type": "tensor", "tensor-spec": {"dtype": "uint8", "shape": [-1, 3, 8, 8]}}
    ]
    assert told["flavors"]["onnx"]["data"] == "model.fp32.onnx"


def test_registering_again_changes_nothing(site: Site) -> None:
    made = site.bundle("a")
    site.judge(made)
    first = register(site.desk("finn"), site.registration(made))
    again = register(site.desk("ada"), site.registration(made))
    assert again.how == "found"
    assert again.record == first.record
    assert [one.number for one in site.gates.registry.versions(MODEL)] == ["1"]
    assert actions(site) == [("verdict", "gates"), ("register", "finn")]


def test_an_external_bundle_has_the_stores_address_and_bars_who_brought_it(site: Site) -> None:
    made = site.bundle("vendor")
    site.judge(made)
    done = register(site.desk("ada"), site.registration(made, hands=Hands()))
    assert done.record.external
    assert done.record.barred == ("ada",)
    version = site.gates.registry.version(MODEL, "1")
    assert version is not None
    assert version.source == f"slipway:/bundles/{made.digest}.json"


def test_without_a_verdict_nothing_is_registered(site: Site) -> None:
    made = site.bundle("a")
    with pytest.raises(Refused, match="no verdict") as refused:
        register(site.desk("finn"), site.registration(made))
    assert "slipway gate" in str(refused.value.mend)
    assert site.gates.registry.versions(MODEL) == []
    assert actions(site) == [("refuse", "finn")]


def test_a_failed_verdict_names_what_failed(site: Site) -> None:
    made = site.bundle("a")
    site.judge(made, passed=False)
    with pytest.raises(Refused, match=r"accuracy is 0\.2, at least 0\.8"):
        register(site.desk("finn"), site.registration(made))
    assert site.gates.registry.versions(MODEL) == []


def test_a_verdict_on_another_bundle_is_of_no_use(site: Site) -> None:
    site.judge(site.bundle("b"))
    with pytest.raises(Refused, match="no verdict"):
        register(site.desk("finn"), site.registration(site.bundle("a")))


def test_a_verdict_that_the_ledger_does_not_tell_is_written_first(site: Site) -> None:
    made = site.bundle("a")
    site.judge(made)
    for key in list(site.gates.store.list("ledger")):
        site.gates.store.delete(key)
    with pytest.raises(Refused, match="ledger does not tell"):
        register(site.desk("finn"), site.registration(made))


def test_only_a_trainer_registers(site: Site) -> None:
    made = site.bundle("a")
    site.judge(made)
    with pytest.raises(Refused, match="`ben` is no trainer"):
        register(site.desk("ben"), site.registration(made))
    assert actions(site)[-1] == ("refuse", "ben")


def test_a_plan_changes_nothing(site: Site) -> None:
    made = site.bundle("a")
    site.judge(made)
    before = actions(site)
    assert isinstance(plan(site.desk("finn"), site.registration(made)), Verdict)
    assert site.gates.registry.versions(MODEL) == []
    assert actions(site) == before


def test_an_mlflow_that_lost_the_version_is_told(site: Site) -> None:
    done = site.version("a")
    site.gates.registry.delete_version(MODEL, done.record.number)
    with pytest.raises(RecordDamaged, match="nothing by MLflow"):
        register(site.desk("finn"), site.registration(site.bundle("a")))


def test_strays_of_killed_processes_are_deleted(site: Site) -> None:
    done = site.version("a")
    tags = {"bundle": done.record.bundle}
    site.gates.registry.create_version(MODEL, source="slipway:/x", run_id="", description="", tags=tags)
    register(site.desk("finn"), site.registration(site.bundle("a")))
    assert [one.number for one in site.gates.registry.versions(MODEL)] == ["1"]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A model's folder in git: ada wrote it, then ben something else."""
    folder = tmp_path / "repository" / "models" / "tiny_bays"
    folder.mkdir(parents=True)
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path / "repository", check=True, env=environ, capture_output=True)

    def commit(name: str, file: Path) -> None:
        file.write_text(name)
        git("add", "-A")
        git("-c", f"user.name={name}", "-c", f"user.email={name}@Example.com", "commit", "-qm", "x")

    git("init", "-q")
    commit("ada", folder / "model.py")
    commit("ben", tmp_path / "repository" / "README.md")
    return folder


def head(folder: Path) -> str:
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize(
    ("suffix", "email", "wrote"),
    [
        ("", "ada@example.com", ("ada",)),
        ("+dirty", "ada@example.com", ("ada", "finn")),
        ("", None, ("ada@Example.com",)),
    ],
)
def test_the_last_writer_of_the_models_folder_is_found_by_mail(
    site: Site, repository: Path, suffix: str, email: str | None, wrote: tuple[str, ...]
) -> None:
    parts = site.run("run-a", revision=head(repository) + suffix)
    people = site.gates.people
    persons = tuple(
        one.model_copy(update={"email": email if one.name == "ada" else one.email}) for one in people.persons
    )
    hands = hands_of(site.gates.store, type(people)(persons), parts.key, repository)
    assert hands.trained == ("finn",)
    assert hands.wrote == wrote


def test_without_git_the_trainer_wrote_it(site: Site, tmp_path: Path) -> None:
    parts = site.run("run-a", by="somebody")
    hands = hands_of(site.gates.store, site.gates.people, parts.key, tmp_path)
    assert hands.wrote == ("somebody",)
    assert "does not know `somebody`" in hands.remarks[0]
    made = site.bundle("a", run=parts.key, parts=parts)
    site.judge(made)
    record = register(site.desk("ada"), site.registration(made, hands=hands)).record
    assert record.barred == ("ada", "somebody")


def test_a_ledger_entry_names_what_the_version_needs(site: Site) -> None:
    site.version("a", risk="high")
    entry = list(site.gates.ledger.entries())[-1].entry.decision
    assert entry.action is Action.REGISTER
    record = hashlib.sha256(site.gates.store.get(version_key(entry.subjects["bundle"]))).hexdigest()
    assert entry.details == {"approvals": 2, "barred": ["finn"], "record": record}
