"""A project with people, keys, bundles and verdicts, for tests of what decides about versions.

Keys, signatures, store, ledger and MLflow are real. Bundles are manifests with a few bytes for files: to the registry a
bundle is no more than that.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kept_evaluation import keep_evaluation
from slipway.platform.identity import People, Person, PersonSigner, Role, TrustedKey, signer_for
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.identity.people_text import rewritten
from slipway.platform.models.schema import Declaration
from slipway.platform.registry.authors import Hands
from slipway.platform.registry.bundles import Kept, keep_bundle
from slipway.platform.registry.decisions import verdict_given
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.mlflow import open_registry
from slipway.platform.registry.verdict import Checked, Rows, Verdict
from slipway.platform.registry.verdicts import bind_verdict
from slipway.platform.registry.versions import Registered, Registration, register
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import CodeFile, Parts
from slipway.platform.runs.records import AttemptSpec, Binding, Place
from slipway.platform.runs.tracking.binding import KEY_TAG
from slipway.platform.settings import Loaded, load
from slipway.platform.settings.schema import MLflow

MODEL = "tiny-bays"
START = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
ROLES = {
    "ada": (Role.TRAINER, Role.APPROVER),
    "ben": (Role.APPROVER,),
    "cleo": (Role.APPROVER,),
    "dora": (Role.RELEASER, Role.OVERRIDE),
    "finn": (Role.TRAINER,),
    "gates": (Role.GATE_SERVICE,),
    "guard": (Role.GUARD_SERVICE,),
    "flows": (Role.TRAINER, Role.RELEASER, Role.FLOW_SERVICE),
}
SERVICES = ("gates", "guard", "flows")
CONTRACT = {
    "inputs": [{"name": "images", "dtype": "uint8", "dims": ["batch", 3, 8, 8]}],
    "outputs": [{"name": "logits", "dtype": "float32", "dims": ["batch", 2], "meaning": "Raw scores."}],
    "dims": {"batch": {"least": 1, "usual": 2, "most": 4}},
    "thresholds": {"occupied": 0.5},
}
DEVICES = {
    "edge-cpu": {
        "runtime": "cpu", "variants": ["fp32"], "batch": 2, "latency_ms": 20, "memory_mb": 200, "size_mb": 4,
    }
}  # fmt: skip


@dataclass
class Site:
    """The project's folder; `environ` is what a command sees in it, apart from who acts."""

    root: Path
    tracking_uri: str = "sqlite:///.slipway/mlflow.db"
    environ: dict[str, str] = field(default_factory=dict)
    desks: dict[str, Desk] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environ |= {"HOME": str(self.root / "home"), "SLIPWAY_MLFLOW__TRACKING_URI": self.tracking_uri}

    def open(self) -> "Site":
        """Give everybody a key and write the people file."""
        (self.root / ".slipway").mkdir(parents=True)
        (self.root / "slipway.toml").touch()
        ring = KeyRing(self.root / "home" / ".config" / "slipway" / "keys")
        persons = []
        for name, roles in ROLES.items():
            ring.make(name)
            key = TrustedKey.of(ring.load(name).public_key, START)
            service = name in SERVICES
            email = None if service else f"{name}@example.com"
            persons.append(Person(name=name, roles=roles, service=service, email=email, key=(key,)))
        (self.root / ".slipway" / "people.toml").write_text(rewritten("", People(tuple(persons))))
        return self

    def loaded(self, by: str) -> Loaded:
        """The settings of somebody's command."""
        return load(self.root, {**self.environ, "SLIPWAY_IDENTITY__PERSON": by})

    def desk(self, by: str) -> Desk:
        """Where that person works."""
        if by not in self.desks:
            self.desks[by] = Desk.of(self.loaded(by))
        return self.desks[by]

    def close(self) -> None:
        """Everybody goes home."""
        for desk in self.desks.values():
            desk.close()

    @property
    def gates(self) -> Desk:
        """Where the gates work."""
        return self.desk("gates")

    def signer(self, by: str) -> PersonSigner:
        """A key."""
        loaded = self.loaded(by)
        return signer_for(loaded.settings.identity, self.gates.people)

    def bundle(self, name: str, *, run: str | None = None, parts: Parts | None = None, **changed: Any) -> "Made":
        """A bundle whose bytes depend on its name."""
        folder = self.root / "bundles" / name
        folder.mkdir(parents=True, exist_ok=True)
        data = {"model.fp32.onnx": f"weights of {name}".encode(), "golden.npz": b"golden", "reference.json": b"{}"}
        for file, content in data.items():
            (folder / file).write_bytes(content)
        lineage: dict[str, Any] = {"origin": "slipway" if run else "Example Vision, delivery 7"}
        if run:
            snapshot = parts.snapshot if parts else "5" * 64
            lineage |= {"run_key": run, "snapshot": snapshot, "code": "c" * 64, "config": "f" * 64, "lock": "e" * 64}
        manifest = {
            "format": 1,
            "model": MODEL,
            "lineage": lineage,
            "contract": CONTRACT,
            "devices": DEVICES,
            "variants": {"fp32": {"file": "model.fp32.onnx", "opset": 20, "calibration": None, "engine": None}},
            "files": {
                file: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
                for file, content in data.items()
            },
            "tools": {"onnx": "1.23.2"},
            **changed,
        }
        (folder / "manifest.json").write_text(json.dumps(manifest, sort_keys=True))
        return Made(keep_bundle(self.gates.store, folder), folder)

    def judge(self, made: "Made", *, champion: str | None = None, passed: bool = True, **changed: Any) -> Verdict:
        """A signed verdict, which the ledger tells."""
        sentence = f"accuracy is {0.9 if passed else 0.2}, at least 0.8."
        checked = Checked(
            gate="floor",
            name="accuracy",
            state="passed" if passed else "failed",
            value=0.9 if passed else 0.2,
            limit=0.8,
            sentence=sentence,
        )
        fields = {
            "model": MODEL, "bundle": made.kept.digest, "champion": champion, "snapshot": "d" * 64, "gates": "e" * 64,
            "code": "f" * 64, "checks": (checked,), "rows": Rows(total=100, dropped=10), "judged_at": START,
        }  # fmt: skip
        verdict = Verdict.model_validate({**fields, **changed})
        desk, signer = self.gates, self.signer("gates")
        verdict = bind_verdict(desk.store, desk.people, verdict, signer)
        desk.ledger.append(verdict_given(verdict, actor="gates", nonce=verdict.key), signer)
        return verdict

    def declaration(self, risk: str = "limited") -> Declaration:
        """What the model declares."""
        told = {
            "name": MODEL, "owner": "ada", "team": "perception", "purpose": "Say whether a bay is free.",
            "risk": {"class": risk, "reasons": ["It decides nothing about people."]},
            "value": {"kpi": "Minutes to park", "owner": "ben"}, "devices": DEVICES,
            "export": CONTRACT,
        }  # fmt: skip
        return Declaration.model_validate(told)

    def registration(self, made: "Made", *, risk: str = "limited", hands: Hands | None = None) -> Registration:
        """What is asked for when it is registered."""
        return Registration(made.kept, made.folder, self.declaration(risk), hands or Hands(("finn",), ("finn",)))

    def version(self, name: str, *, by: str = "finn", champion: str | None = None, risk: str = "limited") -> Registered:
        """A bundle that passed and was registered."""
        made = self.bundle(name)
        self.judge(made, champion=champion)
        return register(self.desk(by), self.registration(made, risk=risk))

    def run(self, name: str, *, by: str = "finn", revision: str = "", **changed: Any) -> Parts:
        """A training that is done: its parts and its attempt."""
        fields: dict[str, Any] = {
            "model": MODEL, "snapshot": "5" * 64, "view": {}, "config": {"name": name, "lr": 0.1},
            "lock": ("torch==2",),
            "code": (CodeFile(path="slipway/training/models/tiny_bays/model.py", sha256="a" * 64),),
        }  # fmt: skip
        parts = Parts.model_validate({**fields, **changed})
        keys = WorkKeys(parts.key)
        spec = AttemptSpec(
            nonce=name, number=1, submitted_by=by, created=START, place=Place(host="here"), why="first", name=name,
            revision=revision,
        )  # fmt: skip
        store = self.gates.store
        store.put_if_absent(keys.parts, parts.to_bytes())
        spec.bind(store, keys.attempt(1).spec)
        return parts

    def track(self, parts: Parts, name: str) -> str:
        """Give a training its run in MLflow; the run's id."""
        tracker = self.gates.tracker
        run = tracker.create(tracker.experiment(MODEL), name, {KEY_TAG: parts.key}, 1_700_000_000_000)
        binding = Binding(run_id=run.run_id, experiment_id=run.experiment_id, name=run.name)
        return binding.bind(self.gates.store, WorkKeys(parts.key).mlflow).run_id

    def evaluated(self, work: str, files: dict[str, bytes]) -> str:
        """The result of an evaluation, which a verdict names under this work key."""
        return keep_evaluation(self.gates.store, self.root / "evaluations" / work, work, files, START)


def make_mlflow(path: Path) -> Path:
    """A database file with MLflow's tables and the model: made once, and copied to `.slipway/mlflow.db`."""
    registry = open_registry(MLflow(tracking_uri=f"sqlite:///{path}"), path.parent)
    registry.ensure_model(MODEL, description="", tags={})
    return path


@dataclass(frozen=True)
class Made:
    """A bundle in the store, and its folder."""

    kept: Kept
    folder: Path

    @property
    def digest(self) -> str:
        """Its name."""
        return self.kept.digest
