"""The tutorial on one's own data, followed word for word with a COCO folder that is made here."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/tutorial/own-data.md"
COLOURS = {1: (200, 40, 40), 2: (40, 60, 210)}
HEIGHT, WIDTH = 64, 96
MOST_SECONDS = 100


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a package of models of its own, and the folder `harbour`."""
    about = tmp_path / "harbour_models-1.dist-info"
    for folder in (tmp_path / "harbour_models", about):
        folder.mkdir()
    (tmp_path / "slipway.toml").touch()
    (tmp_path / "requirements.lock").write_bytes((ROOT / "requirements.lock").read_bytes())
    (tmp_path / "harbour_models" / "__init__.py").touch()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: harbour-models\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[slipway.models]\nharbour = harbour_models\n")
    rng = np.random.default_rng(0)
    for split, count in (("train", 48), ("val", 12), ("test", 12)):
        write_set(tmp_path / "harbour", split, count, rng)
    return tmp_path


def write_set(folder: Path, split: str, count: int, rng: np.random.Generator) -> None:
    """Coloured rectangles on noise, as COCO lays them out."""
    (folder / "images" / split).mkdir(parents=True)
    (folder / "annotations").mkdir(exist_ok=True)
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number in range(count):
        pixels = rng.integers(90, 130, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        images.append({"id": number, "file_name": f"{number:03}.jpg", "width": WIDTH, "height": HEIGHT})
        for _ in range(int(rng.integers(1, 3))):
            category = int(rng.integers(1, 3))
            w, h = (int(side) for side in rng.integers(16, 36, 2))
            x, y = int(rng.integers(0, WIDTH - w)), int(rng.integers(0, HEIGHT - h))
            pixels[y : y + h, x : x + w] = COLOURS[category]
            box = {"bbox": [x, y, w, h], "area": w * h, "iscrowd": 0}
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": category, **box})
        assert cv2.imwrite(str(folder / "images" / split / f"{number:03}.jpg"), pixels[:, :, ::-1])
    categories = [{"id": 1, "name": "boat"}, {"id": 2, "name": "buoy"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations" / f"{split}.json").write_text(json.dumps(document))


def commands() -> list[list[str]]:
    """Every command of the page, in order."""
    blocks = PAGE.read_text(encoding="utf-8").split("```bash\n")[1:]
    return [shlex.split(line) for block in blocks for line in block.partition("```")[0].splitlines() if line.strip()]


def surroundings(project: Path) -> Mapping[str, str]:
    """A person's environment with this project's package on the path."""
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    return {"HOME": str(project), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(project), **coverage}


def test_three_commands_lead_from_a_coco_folder_to_a_trained_detector(project: Path) -> None:
    written = commands()
    assert [words[1] for words in written[:3]] == ["data", "new", "train"]
    said = []
    for words in written:
        command = [str(Path(sys.executable).parent / words[0]), *words[1:]]
        done = subprocess.run(
            command,
            cwd=project,
            env=surroundings(project),
            capture_output=True,
            text=True,
            check=False,
            timeout=MOST_SECONDS,
        )
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
        said.append(done.stdout)
    assert "boat, buoy" in said[1]
    assert "over the baseline  +" in said[2]
    assert "harbour-boats: ok" in said[4]
    assert "- boat" in said[5]
    assert "combinations  without end" in said[7]
