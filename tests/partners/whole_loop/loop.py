"""A project with a model of its own, its local stack, and people who use both by commands and by Airflow's API."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from airflow_stack.api import Api
from airflow_stack.stack import free_port
from own_model import DECLARATION, MODEL, ROOT, make_project
from slipway.pipelines.local import standing
from slipway.pipelines.local.founding.fleets import SITE
from slipway.pipelines.local.founding.sites import set_cameras
from slipway.pipelines.local.place import Place
from slipway.pipelines.local.standing import Standing
from slipway.platform.runs.results import load_result
from slipway.platform.runs.tracking.binding import KEY_TAG
from slipway.platform.settings import Loaded, load
from slipway.platform.store import open_store
from slipway.serving.channel.site import Stream

BIN: Final = Path(sys.executable).parent
PERSON: Final = "ada"
AGENTS: Final = (f"{SITE}-1", f"{SITE}-2")
RETRAIN, ROLLOUT = f"retrain__{MODEL}", f"rollout__{MODEL}"
SHORT: Final = ("batch=8", "trainer.max_epochs=6")
"""A training that is over soon."""
LONGER: Final = ("batch=8", "trainer.max_epochs=30", "runtime.checkpoint_steps=5")
"""One with something to lose on the way."""
QUICK: Final = {
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
}
"""Airflow notices sooner than usual that a process of its own is gone."""
PORTS: Final = ("mlflow", "airflow", "fleet", "channel")
PLAN: Final = """\
waves:
  - {name: pilot, cohort: pilot, soak: 0m, sample: {decisions: 60}, deadline: 30m}
  - {name: all, soak: 0m, sample: {decisions: 60}, deadline: 30m}
limits: {errors: 0.5, latency: null, divergence: null, disagreement: null, reverts: 0.9, silent: null}
"""
"""Wave by wave, and nothing that devices which are killed all the time could fail."""
SETTINGS: Final = 'contexts.local.fleet.plan = "plan.yaml"\n'
LINES: Final = 80
NOISE: Final = ("http.access", "Adopting or resetting orphaned tasks")
CAMERA: Final = "world:baseline/harbour/aisle-west/{}?fps=2"
BAYS: Final = ("S2", "S3", "N2")


class Airflow(Api):
    """The stack's Airflow, as its administrator uses it."""

    def __init__(self, address: str, password: str, told: Callable[[], str]) -> None:
        super().__init__(address)
        self._password, self._told = password, told

    def password(self, person: str) -> str:
        """Of the one who may log in."""
        assert person == PERSON
        return self._password

    def told(self) -> str:
        """The end of the stack's log."""
        return self._told()


@dataclass
class Loop:
    """All of it. `folder` holds the project and a HOME of its own."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "project"

    @cached_property
    def environ(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder), "PATH": f"{BIN}:/usr/bin:/bin", "USER": PERSON, "LOGNAME": PERSON,
            "OMP_NUM_THREADS": "1", "PYTHONPATH": str(self.root), "COLUMNS": "200", **QUICK,
        }  # fmt: skip

    @property
    def place(self) -> Place:
        return Place(self.root, self.environ)

    @property
    def loaded(self) -> Loaded:
        return load(self.root, self.environ)

    def found(self) -> None:
        """Model, DAGs and data; nobody runs yet."""
        make_project(self.root, f"{DECLARATION}retrain: {{on: [data]}}\n")
        (self.root / "slipway.toml").write_text(SETTINGS)
        (self.root / "plan.yaml").write_text(PLAN)
        shutil.copytree(ROOT / "dags", self.root / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        self.run("world", "render", "tiny", str(self.root / "data"))
        self.run("data", "commit")

    def up(self) -> None:
        """As a person starts it, also while the one before is still ending."""
        self.run("local", "up", "--detach", "--agents", str(len(AGENTS)))

    def take_ports(self) -> None:
        """Others on this machine may start a stack at the same time."""
        self.place.make()
        (self.place.folder / "ports.json").write_text(json.dumps({name: free_port() for name in PORTS}))

    def look_at_bays(self) -> None:
        """Every device has cameras for this project's model."""
        for device in AGENTS:
            cameras = {f"{device}-{bay.lower()}": Stream(source=CAMERA.format(bay), model=MODEL) for bay in BAYS}
            set_cameras(self.loaded, device, cameras, reason="small bays are looked at")

    def run(self, *arguments: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            [str(BIN / "slipway"), *arguments], cwd=self.root, env=self.environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def ask(self, *arguments: str) -> Any:
        """What it prints as JSON."""
        return json.loads(self.run(*arguments, "--json"))

    def trained(self, overrides: Sequence[str], folder: Path) -> tuple[str, str, str]:
        """The same work done in a project of its own, where nothing disturbs it: run key, weights and bundle."""
        other = Loop(folder)
        shutil.copytree(self.root, other.root, ignore=shutil.ignore_patterns(".slipway", "__pycache__"))
        other.run("data", "commit")
        run = str(other.ask("train", MODEL, *overrides)["key"])
        return run, other.weights(run), str(other.ask("export", run, "--yes")["bundle"])

    def weights(self, run: str) -> str:
        """The digest of what a run has learnt."""
        result = load_result(open_store(self.loaded.settings.store, self.loaded.settings.s3), run)
        assert result is not None
        return str(result.files["weights.safetensors"].sha256)

    def decisions(self, bundle: str) -> Counter[str]:
        """How many entries of each kind the ledger has about a bundle."""
        told = [one["decision"] for one in self.ask("ledger", "list", "--limit", "1000")]
        return Counter(one["action"] for one in told if one["subjects"].get("bundle") == bundle)

    def tracked(self) -> Counter[str]:
        """How many MLflow runs, that nobody deleted, each piece of work has."""
        asked = (
            "select tags.value from tags join runs using (run_uuid) where tags.key = ? and lifecycle_stage = 'active'"
        )
        with sqlite3.connect(self.root / ".slipway/mlflow.db", timeout=60) as opened:
            return Counter(key for (key,) in opened.execute(asked, (KEY_TAG,)))

    @property
    def standing(self) -> Standing:
        found = standing.read(self.place)
        assert found is not None
        return found

    @cached_property
    def airflow(self) -> Airflow:
        reach = self.loaded.settings.airflow
        assert reach.url is not None
        assert reach.password is not None
        return Airflow(reach.url, reach.password.get_secret_value(), self.told)

    def told(self) -> str:
        """The end of the stack's log."""
        lines = self.place.log.read_text().splitlines()
        return "\n".join([line for line in lines if not any(word in line for word in NOISE)][-LINES:])
