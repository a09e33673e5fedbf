"""Runs a sweep over lists in a process that a test can kill.

python sweeper.py STORE TRAINER TRIALS PARALLEL key=a,b…
"""

import sys
from pathlib import Path

from slipway.platform.models.finder import Model
from slipway.platform.store.directory import DirectoryStore
from slipway.training.cli.sweep import _stopping
from slipway.training.cli.sweep_progress import Told
from slipway.training.sweep.records import Records, Sweep
from slipway.training.sweep.running import Sweeping
from slipway.training.sweep.space import Interval, Listed, Space, described
from slipway.training.sweep.trial import Training


def main(folder: Path, trainer: str, trials: int, parallel: int, texts: list[str]) -> int:
    listed = [Listed(key, tuple(values.split(","))) for key, _, values in (one.partition("=") for one in texts)]
    model = Model("patch-colour", folder, "patch_colour")
    space = Space(model, (), (*listed, Interval("optimizer.lr", 1e-4, 1e-2, log=True)))
    sweep = Sweep(model=model.name, base="r1-x", space=tuple(map(described, space.dimensions)))
    store = DirectoryStore(folder)

    def start(number: int, overrides: object) -> Training:
        log = folder.parent / "logs" / f"{number}.log"
        return Training([str(folder), *overrides], log, program=(trainer,))  # type: ignore[misc]

    with _stopping() as stop:
        sweeping = Sweeping(sweep, space, Records(store, sweep), store, start, Told(), lambda _: None, stop)
        found = sweeping.run(trials, parallel)
    sys.stdout.write(f"{sum(one.outcome is not None for one in found)}\n")
    return 130 if stop.requests else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]))
