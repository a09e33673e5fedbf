"""A project with a few bays in git, a fleet store with pictures of two devices, and the real commands."""

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from commanding import Run, commanding
from label_site import make_snapshot, picture, whole_box
from slipway.pipelines.steps.site import Site
from slipway.platform.data.snapshot import Snapshot
from slipway.serving.edge.decisions import make_id
from slipway.serving.fleet.store import opening, times
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import DEVICES, SAMPLES, SUBJECTS

BEGIN = datetime(2026, 11, 29, 4, tzinfo=UTC)
BUNDLE = "0a722281" + "0" * 56


@dataclass(frozen=True)
class Bays:
    """The project."""

    root: Path
    home: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"HOME": str(self.home), "DVC_NO_ANALYTICS": "1"}

    @property
    def site(self) -> Site:
        return Site.at(self.root, self.environ)

    @property
    def data(self) -> Snapshot:
        return Snapshot(self.root / "data")

    def git(self, *arguments: str) -> str:
        names = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *names, *arguments], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def send(self, *told: dict[str, Any], device: str = "gate-1", site: str = "harbour") -> list[str]:
        """Pictures of a device in the fleet store, each with what it said; the names of their decisions."""
        loaded = self.site.loaded
        FleetStore.of(loaded).close()
        engine = opening.open_engine(opening.address(loaded.settings.fleet.database, loaded.root), writes=True)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.insert(DEVICES).values(
                id=device, device_class="edge-cpu", site=site, cohorts="[]", models='["bay-occupancy"]',
                public_key="0" * 64, token="t", enrolled_at=0,
            ))  # fmt: skip
            subject = connection.execute(sqlalchemy.insert(SUBJECTS).values(
                name=f"bay-occupancy/3/{BUNDLE}-{device}", model="bay-occupancy", release=3,
            )).inserted_primary_key  # fmt: skip
            assert subject is not None
            names = [make_id(device, BUNDLE, BEGIN + timedelta(seconds=n), "abcdef") for n in range(len(told))]
            for number, (name, said) in enumerate(zip(names, told, strict=True)):
                data = picture(1000 + 100 * len(device) + number)
                connection.execute(sqlalchemy.insert(SAMPLES).values(
                    decision=name, device=device, subject=subject[0], at=times.stamp(BEGIN) + number, confidence=0.4,
                    why="low confidence", novelty=1.0, size=len(data), picture=data, told=json.dumps(said),
                ))  # fmt: skip
        engine.dispose()
        return names


@pytest.fixture
def bays(tmp_path: Path) -> Bays:
    made = Bays(tmp_path / "project", tmp_path / "home")
    made.home.mkdir()
    made.root.mkdir()
    (made.root / "slipway.toml").write_text("")
    (made.root / ".gitignore").write_text("/data/\n/.data.*\n.slipway/\n/out*\n")
    made.git("init", "-q", "-b", "main")
    make_snapshot(made.root / "data", 4, "auto", [whole_box("free")])
    return made


@pytest.fixture
def run(bays: Bays, monkeypatch: pytest.MonkeyPatch) -> Run:
    return commanding(bays, monkeypatch, "ada")


@pytest.fixture
def committed(bays: Bays, run: Run) -> Bays:
    """The same, with its data committed."""
    assert run("data", "commit")[0] == 0
    bays.git("add", "-A")
    bays.git("commit", "-q", "-m", "a beginning")
    return bays
