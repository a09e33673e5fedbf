"""Steps into an attempt that was restored. Copied to its folder as `debug.py`, and run there: `python debug.py`.

It trains in this process with the code of the attempt, from its checkpoint, and stops under pdb before the step that
failed, or before the first one; and where it fails again. `debug.json` says which step.
"""

import json
import os
import pdb  # noqa: T100 - this is what it is for
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent


def main() -> None:
    """Train up to the step and stop there."""
    told = json.loads((FOLDER / "debug.json").read_text())
    os.environ.update(told["environment"])
    os.chdir(FOLDER)
    runpy.run_path(str(FOLDER / "boot.py"))["take_place"](FOLDER / "code")

    from slipway.platform.runs.workplace import Order, Workplace
    from slipway.training.fitting.fit import fit
    from slipway.training.fitting.learner import Learner
    from slipway.training.fitting.main import task_of

    order = Order.model_validate_json((FOLDER / "order.json").read_bytes())
    Learner.training_step = stopping_at(told["step"], Learner.training_step)  # type: ignore[method-assign]
    try:
        fit(task_of(order), order, Workplace(FOLDER))
    except BaseException:  # noqa: BLE001 - whatever it is, that is what is looked into
        traceback.print_exc()
        pdb.post_mortem()


def stopping_at(step: int | None, training_step: Any) -> Any:  # noqa: ANN401 - a method of the attempt's code
    """The same method, with a debugger before one step; `batch` and `learner` are what it is about."""
    waiting = True

    def stopped(learner: Any, batch: Any, batch_idx: int) -> None:  # noqa: ANN401 - of the attempt's code
        nonlocal waiting
        if waiting and step in {None, batch.step}:
            waiting = False
            sys.stdout.write(f"step {batch.step} comes next: `s` steps into it, `c` goes on\n")
            pdb.set_trace()  # noqa: T100 - this is what it is for
        training_step(learner, batch, batch_idx)

    return stopped


if __name__ == "__main__":
    main()
