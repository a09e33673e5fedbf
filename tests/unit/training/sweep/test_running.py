"""A sweep with real processes: parallel, killed, stopped, failing, gone on with."""

import functools
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from overseen.office import eventually
from slipway.platform.errors import WrongUse
from slipway.platform.models.finder import Model
from slipway.platform.store.directory import DirectoryStore
from slipway.training.cli.sweep_progress import Told
from slipway.training.sweep.records import Outcome, Records, Sweep
from slipway.training.sweep.running import Sweeping, best_of, headline
from slipway.training.sweep.space import Interval, Listed, Space, described
from slipway.training.sweep.trial import Training

Make = Callable[..., Sweeping]
PATIENCE = 60.0


@pytest.fixture
def make(tmp_path: Path, trainer: Path) -> Make:
    """A sweep over these dimensions, in a store of its own."""

    def sweeping(*dimensions: Listed | Interval, metric: str = "", adopt: list[Outcome] | None = None) -> Sweeping:
        store = DirectoryStore(tmp_path / "store")
        space = Space(Model("patch-colour", tmp_path, "patch_colour"), (), dimensions)
        sweep = Sweep(model="patch-colour", base="r1-x", space=tuple(map(described, dimensions)), metric=metric)

        def start(number: int, overrides: object) -> Training:
            log = tmp_path / "logs" / f"{number}.log"
            return Training([str(tmp_path / "store"), *overrides], log, program=(str(trainer),))  # type: ignore[misc]

        told = adopt.append if adopt is not None else lambda _: None
        return Sweeping(sweep, space, Records(store, sweep), store, start, Told(), told)

    return sweeping


def trained(folder: Path) -> list[str]:
    """Every training that really ran."""
    log = folder / "trained"
    return log.read_text().splitlines() if log.exists() else []


def more_than(folder: Path, count: int) -> bool:
    """Whether more trainings than that have begun."""
    return len(trained(folder)) > count


def test_every_trial_is_trained_once_and_the_best_is_found(make: Make, tmp_path: Path) -> None:
    told: list[Outcome] = []
    sweeping = make(Listed("network", ("small", "base")), Listed("optimizer.lr", ("0.001", "0.003")), adopt=told)
    found = sweeping.run(trials=10, parallel=2)
    assert len(found) == len(set(trained(tmp_path))) == len(trained(tmp_path)) == 4
    best = sweeping.best()
    assert best is not None
    assert best.trial.values == {"network": "base", "optimizer.lr": "0.003"}
    assert best.outcome is not None
    assert best.outcome.metric == "validation/map"
    assert {one.number for one in told} == {0, 1, 2, 3}


def test_starting_again_trains_nothing_and_more_trials_add(make: Make, tmp_path: Path) -> None:
    rate = Interval("optimizer.lr", 1e-4, 1e-2, log=True)
    first = make(rate).run(trials=2, parallel=1)
    before = trained(tmp_path)
    assert [one.outcome for one in make(rate).run(trials=2, parallel=1)] == [one.outcome for one in first]
    assert trained(tmp_path) == before
    assert len(make(rate).run(trials=3, parallel=1)) == 3
    assert trained(tmp_path)[:2] == before
    assert len(trained(tmp_path)) == 3


def test_a_failed_trial_is_recorded_with_its_reason_and_the_others_go_on(make: Make, tmp_path: Path) -> None:
    sweeping = make(Listed("fails", ("1", "")), Listed("network", ("small",)))
    found = sweeping.run(trials=5, parallel=1)
    states = {one.trial.values["fails"]: one.outcome for one in found}
    assert states["1"] is not None
    assert (states["1"].state, states["1"].reason) == ("failed", "the loss is not finite.")
    assert states[""] is not None
    assert states[""].state == "done"
    again = make(Listed("fails", ("1", "")), Listed("network", ("small",)))
    again.run(trials=5, parallel=1)
    assert len(trained(tmp_path)) == 2
    again.records.forget_failures()
    again.run(trials=5, parallel=1)
    assert len(trained(tmp_path)) == 3


def test_a_metric_that_there_is_not_is_told_with_the_nearest(make: Make) -> None:
    with pytest.raises(WrongUse, match="no metric `validation/mpa`") as caught:
        make(Listed("network", ("small", "base")), metric="validation/mpa").run(trials=1, parallel=1)
    assert caught.value.mend == "Did you mean `validation/map`?"


def test_a_sweep_goes_by_the_headline_on_validation() -> None:
    metrics = {"train/loss": 1.0, "validation/loss": 2.0, "validation/f1": 0.5, "validation/map": 0.3, "test/map": 0.9}
    assert headline(metrics, {"headline": "map"}) == "validation/map"
    assert headline(metrics, {}) == "validation/f1"
    assert best_of([], falling=False) is None


@pytest.mark.parametrize("kills", [2])
def test_a_killed_sweep_goes_on_without_repeating_a_trial(
    tmp_path: Path, sweeper: Path, trainer: Path, kills: int
) -> None:
    command = [sys.executable, str(sweeper), str(tmp_path / "store"), str(trainer), "5", "2", "network=small,base"]
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = len(trained(tmp_path))
        eventually(functools.partial(more_than, tmp_path, before))
        process.kill()
        process.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "5\n"
    assert len(set(trained(tmp_path))) == 5


def test_a_stopped_sweep_stops_its_trials_and_goes_on_later(tmp_path: Path, sweeper: Path, trainer: Path) -> None:
    command = [sys.executable, str(sweeper), str(tmp_path / "store"), str(trainer), "2", "2", "slow=1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    eventually(lambda: len(trained(tmp_path)) == 2)
    process.send_signal(signal.SIGINT)
    told, remarks = process.communicate(timeout=PATIENCE)
    assert (process.returncode, told) == (130, "0\n")
    assert remarks.count("stopped, behind its last checkpoint") == 2
    again = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: len(trained(tmp_path)) == 4)
    again.terminate()
    assert again.wait(timeout=PATIENCE) == 130
    assert len(set(trained(tmp_path))) == 2
