"""The child's first function: read the order, build the task, fit it, and end with the code that says how it went."""

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.platform.errors import SlipwayError
from slipway.platform.runs.workplace import RESUME, Order, Workplace
from slipway.training.fitting import failure, light
from slipway.training.fitting.stopping import Request, Stopped
from slipway.training.tasks import task_for

if TYPE_CHECKING:
    from slipway.training.task import Task


def main(folder: Path) -> int:
    """Do what the order in a workplace says; the exit code."""
    request = Request()
    request.listen()
    workplace = Workplace(folder)
    order = Order.model_validate_json(workplace.order.read_bytes())
    try:
        light.import_libraries()
        from slipway.training.fitting.fit import fit
        from slipway.training.fitting.processes import Place, environment

        fit(task_of(order), order, workplace, place=Place.of(environment()), request=request)
    except Stopped:
        return RESUME
    except Exception as error:  # noqa: BLE001 - whatever it was, the runner is told
        failure.note(workplace, error)
        traceback.print_exc()
        return error.exit_code if isinstance(error, SlipwayError) else 1
    return 0


def task_of(order: Order) -> "Task[Any]":
    """The model's task for the order's config."""
    return task_for(order.package, order.config)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
