"""`slipway gate` for real: a child evaluates, the gates' key signs, the ledger hears of it, asking again is free."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from handmade_bundle import make_bundle
from slipway.platform.data.rows import Box, Image
from slipway.platform.data.writer import SnapshotWriter

pytestmark = pytest.mark.xdist_group("gate command")  # one evaluation serves all of it

COUNTS = {"train": 8, "validation": 4, "test": 120}
NIGHT = 0.3
"""Share of the light that is left."""


def patch(number: int, *, occupied: bool, night: bool) -> bytes:
    """Ground, and a box in the middle of the bay or beside it."""
    chance = np.random.default_rng(number)
    pixels = chance.normal(110, 8, (64, 64, 3))
    box = np.full((26, 32, 3), chance.choice([20, 220]), np.float64)
    if occupied:
        pixels[20:46, 16:48] = box
    else:
        pixels[20:46, 48:], pixels[20:46, :16] = box[:, :16], box[:, 16:]
    done, data = cv2.imencode(".jpg", (pixels * (NIGHT if night else 1)).clip(0, 255).astype(np.uint8))
    assert done
    return data.tobytes()


def write_bays(folder: Path) -> None:
    """Bays by day and by night."""
    number = 0
    with SnapshotWriter(folder) as writer:
        for split, count in COUNTS.items():
            for place in range(count):
                occupied, night = place % 2 == 0, place % 4 < 2
                image = Image(
                    width=64, height=64, split=split, source=f"{number}.jpg", site="harbour", camera="aisle",
                    light="night" if night else "day", weather="clear", slices={"view": "bay"}, label_state="reviewed",
                )  # fmt: skip
                box = Box(category="occupied" if occupied else "free", x=0, y=0, w=64, h=64, label_state="reviewed")
                writer.add(patch(number, occupied=occupied, night=night), image, [box])
                number += 1
        writer.finish([], licence="made here")


@dataclass(frozen=True)
class Project:
    """A folder with a snapshot, a bundle and a key for the gates."""

    folder: Path
    environ: dict[str, str]

    def slipway(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The command, as a person runs it."""
        command = [str(Path(sys.executable).with_name("slipway")), *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False)

    def gate(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit code and answer of a gate."""
        done = self.slipway("gate", "bundle", "--snapshot", "bays", "--json", *arguments)
        assert done.stdout, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return done.returncode, answer


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    home = tmp_path_factory.mktemp("gate")
    folder = home / "project"
    folder.mkdir()
    make_bundle(folder / "bundle")
    write_bays(folder / "bays")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLIPWAY_", "XDG_"))}
    return Project(folder, {**kept, "HOME": str(home), "OMP_NUM_THREADS": "1"})


@pytest.fixture(scope="module")
def judged(project: Project) -> tuple[int, dict[str, Any]]:
    """The first gate, by whoever has the gates' key here."""
    made = project.slipway("identity", "init", "gates", "--service", "--role", "gate-service", "--yes")
    assert made.returncode == 0, made.stderr
    return project.gate()


Judged = tuple[int, dict[str, Any]]
States = Callable[[str], dict[str, str]]


@pytest.fixture
def states(judged: Judged) -> States:
    """The state of each check of a gate, by its name."""
    return lambda gate: {one["name"]: one["state"] for one in judged[1]["checks"] if one["gate"] == gate}


def test_without_a_key_of_the_gates_nothing_is_begun(tmp_path: Path, project: Project) -> None:
    alone = Project(
        project.folder, {**project.environ, "HOME": str(tmp_path), "SLIPWAY_STORE__URL": str(tmp_path / "s")}
    )
    done = alone.slipway("gate", "bundle", "--snapshot", "bays")
    assert done.returncode == 1
    assert "whose holder is gate-service" in done.stderr
    assert "slipway identity init gate-service" in done.stderr


def test_a_variant_that_is_broken_at_night_is_refused_by_parity(judged: Judged, states: States) -> None:
    code, answer = judged
    assert (code, answer["passed"], answer["champion"], answer["rows"]) == (1, False, None, None)
    (parity,) = (one for one in answer["checks"] if one["gate"] == "parity" and "slice" in one["name"])
    assert (parity["state"], parity["variant"], parity["column"], parity["slice"]) == (
        "failed",
        "int8-cpu",
        "light",
        "night",
    )
    assert states("floor")["accuracy at least 0.95, fp32"] == "passed"
    assert states("floor")["accuracy at least 0.95, int8-cpu"] == "failed"


def test_costs_and_disturbances_are_measured(judged: Judged, states: States) -> None:
    assert set(states("latency")) == {"latency on edge-cpu, int8-cpu", "latency on edge-cpu, fp32"}
    assert all(one["value"] > 0 for one in judged[1]["checks"] if one["gate"] in {"latency", "memory", "size"})
    assert len(states("robustness")) == 4


def test_what_a_vendor_has_seen_is_not_guessed(states: States) -> None:
    assert (*states("leakage").values(), *states("data").values()) == ("failed", "failed")


def test_the_page_needs_nothing_from_elsewhere(judged: Judged) -> None:
    text = Path(judged[1]["file"]).read_text()
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")
    for one in judged[1]["checks"]:
        assert escape(one["name"]) in text
    assert judged[1]["key"] in text
    assert "light night" in text


def test_asking_again_returns_what_stands_and_tells_the_ledger_once(project: Project, judged: Judged) -> None:
    code, again = project.gate()
    assert (code, again["stood"], again["key"]) == (1, True, judged[1]["key"])
    assert again["judged_at"] == judged[1]["judged_at"]
    entries = json.loads(project.slipway("ledger", "list", "--json").stdout)
    told = [one for one in entries if judged[1]["key"] in json.dumps(one)]
    assert len(told) == 1


def test_killed_before_the_ledger_was_told_it_is_told_by_whoever_asks_next(
    project: Project, judged: Judged, tmp_path: Path
) -> None:
    forgotten = shutil.ignore_patterns("ledger*", "cache", "work")
    shutil.copytree(project.folder, tmp_path / "project", ignore=forgotten)
    killed = Project(tmp_path / "project", project.environ)
    assert json.loads(killed.slipway("ledger", "list", "--json").stdout) == []
    assert killed.gate()[1]["stood"]
    told = json.loads(killed.slipway("ledger", "list", "--json").stdout)
    assert [judged[1]["key"] in json.dumps(one) for one in told] == [True]


def test_a_dry_run_says_what_is_there(project: Project, judged: Judged) -> None:
    told = project.slipway("gate", "bundle", "--snapshot", "bays", "--dry-run")
    assert told.returncode == 0
    assert judged[1]["key"] in told.stdout
    assert "is done" in told.stdout
    assert "stands" in told.stdout


def test_a_verdict_that_was_changed_is_refused(project: Project, judged: Judged) -> None:
    path = project.folder / ".slipway/store/verdicts" / f"{judged[1]['key']}.json"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole.replace(b'"payload":"', b'"payload":"AAAA'))
        done = project.slipway("gate", "bundle", "--snapshot", "bays")
        assert done.returncode == 1
        assert "is refused" in done.stderr
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("0123456789", "--snapshot", "bays"), "is no folder and names no bundle"),
        (("bundle", "--snapshot", "bays", "--against", "bundle"), "cannot be held against itself"),
        (("bundle",), "no snapshot is committed here"),
    ],
)
def test_a_wrong_request_is_told_before_anything_is_done(
    project: Project, arguments: tuple[str, ...], told: str
) -> None:
    done = project.slipway("gate", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
