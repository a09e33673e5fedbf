"""A new model's folder: it is whole, reads well, and trains."""

import math
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import WrongUse
from slipway.platform.models.finder import Model, model_named
from slipway.training.config.compose import compose
from slipway.training.config.consistency import examine
from slipway.training.new.looking import categories, input_size, purpose_of
from slipway.training.new.making import Place, Wish, checked_kind, checked_name, files_of, kinds, make, place_for
from slipway.training.reading.reader import Reader

ROOT = Path(__file__).parents[4]
OURS = Place("slipway.training.models", ROOT / "training/slipway/training/models")


def wish(kind: str, name: str = "harbour-things", purpose: str | None = None) -> Wish:
    classes = ["boat", "buoy"] if kind in ("detect", "classify") else []
    said = purpose or purpose_of(kind, classes)
    return Wish(name, kind, "ada", "harbour", said, classes, (96, 128))


def trained(model: Model, snapshot: Snapshot, overrides: list[str]) -> dict[str, float]:
    """Take one step, then judge what the network says, and the baseline."""
    task = import_module(f"{model.package}.task").build(compose(model, overrides).typed)
    examples, test = task.examples(snapshot, "train"), task.examples(snapshot, "test")
    network, criterion = task.network(examples), task.criterion(examples)
    weights = [*network.parameters(), *criterion.parameters()]
    before = [one.detach().clone() for one in weights]
    optimizer = torch.optim.SGD([one for one in weights if one.requires_grad], lr=0.1)
    with Reader(examples.source, task.plan(examples), threads=1) as reader:
        batch = next(reader.iter_from(0))
    truth = {name: values[batch.rows] for name, values in examples.truth.items()}
    images, truth = task.augment(batch.images, truth, np.arange(len(batch.rows)).astype(np.uint64))
    loss = criterion(network(images), truth)["loss"]
    loss.backward()
    optimizer.step()
    assert loss.isfinite()
    assert any(not torch.equal(one, old) for one, old in zip(weights, before, strict=True))
    pixels = np.empty((test.count, *test.source.size, 3), np.uint8)
    test.source.read(np.arange(test.count), pixels)
    network.eval()
    with torch.inference_mode():
        heads = network(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    said = task.predictions({name: head.numpy() for name, head in heads.items()}, test)
    judged = [task.judge(table, test) for table in (said, task.baseline(snapshot, test))]
    return {name: metric(np.ones(one.units)) for one in judged for name, metric in one.metrics.items()}


@pytest.mark.parametrize("kind", ["detect", "reid", "classify", "blank"])
def test_what_is_made_is_whole_and_trains_a_step(kind: str, place: Place, snapshot: Snapshot) -> None:
    model = make(wish(kind), place)
    assert model_named("harbour-things") == model
    assert examine(model) == []
    torch.manual_seed(0)
    metrics = trained(model, snapshot, ["batch=8"])
    assert metrics
    assert all(0 <= value <= 1 for value in metrics.values() if math.isfinite(value))


@pytest.mark.parametrize("kind", ["detect", "reid", "classify", "blank"])
def test_what_is_made_in_this_repository_passes_its_checks(kind: str, tmp_path: Path) -> None:
    for name, text in files_of(wish(kind), OURS).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", str(tmp_path)]
    for command in (
        ["ruff", "format", "--check", *config],
        ["ruff", "check", "--config", 'lint.isort.known-first-party=["slipway"]', *config],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.soak
def test_what_is_made_passes_mypy(place: Place) -> None:
    for kind in kinds():
        make(wish(kind, f"harbour-{kind}"), place)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(place.folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_purpose_with_quotes_harms_nothing(place: Place) -> None:
    model = make(wish("classify", purpose='Say "boat": or\\not # all of it'), place)
    assert model.declaration.purpose == 'Say "boat": or\\not # all of it'
    assert examine(model) == []


def test_the_snapshot_says_categories_and_sizes(snapshot: Snapshot) -> None:
    assert categories(snapshot.folder) == ["boat", "buoy"]
    assert input_size(snapshot.folder) == (96, 128)


@pytest.mark.parametrize(
    ("name", "said"),
    [("Harbour", "is no name"), ("class", "word of Python"), ("vehicle-reid", "already"), ("a/b", "is no name")],
)
def test_a_name_that_cannot_be_is_refused(name: str, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        checked_name(name)


def test_an_unknown_kind_is_told_with_the_nearest() -> None:
    with pytest.raises(WrongUse) as caught:
        checked_kind("detct")
    assert caught.value.mend == "Did you mean `detect`?"


def test_a_new_model_goes_to_the_package_in_the_project(place: Place, project: Path, tmp_path: Path) -> None:
    assert place_for(None, project) == place
    assert place_for(place.folder, tmp_path) == place
    with pytest.raises(WrongUse, match="is no package of models"):
        place_for(tmp_path, project)
    with pytest.raises(WrongUse, match="No package of models lies in"):
        place_for(None, tmp_path / "elsewhere")


def test_what_cannot_be_made_leaves_nothing(place: Place) -> None:
    with pytest.raises(WrongUse, match="owner"):
        make(Wish("harbour-things", "blank", "No Name!", "t", "p", [], (64, 64)), place)
    assert [path.name for path in place.folder.iterdir() if path.name != "__pycache__"] == ["__init__.py"]


def test_an_existing_folder_is_left_alone(place: Place) -> None:
    (place.folder / "harbour_things").mkdir()
    with pytest.raises(WrongUse, match="exists already"):
        make(wish("blank"), place)
    assert list((place.folder / "harbour_things").iterdir()) == []


def test_the_command_makes_a_model_from_what_the_snapshot_has(project: Path, snapshot: Snapshot) -> None:
    assert snapshot.index.num_rows
    script = str(Path(sys.executable).parent / "slipway")
    environ = {"HOME": str(project), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(project / "src")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [script, *arguments], cwd=project, env=environ, capture_output=True, text=True, check=False
        )

    command = ["new", "model", "harbour-boats", "--from", "detect"]
    assert "would make" in run(*command, "--dry-run").stdout
    made = run(*command)
    assert made.returncode == 0, made.stderr
    assert "boat, buoy" in made.stdout
    assert "slipway train harbour-boats --snapshot data\n" in made.stderr
    again = run(*command)
    assert (again.returncode, "already" in again.stderr) == (2, True)
    assert "harbour-boats: ok" in run("models", "check", "harbour-boats").stdout
