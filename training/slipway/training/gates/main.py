"""The child's first function: read the order, evaluate the bundle among its references, and end with the code."""

import os
import sys
import time
import traceback
from pathlib import Path

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import SlipwayError
from slipway.platform.runs.journal import Journal
from slipway.platform.runs.workplace import Order, Summary, Workplace, write_whole
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import MANIFEST
from slipway.serving.errors import SlipwayError as ServingError
from slipway.training.fitting import failure
from slipway.training.gates.records import ASKED, TASK, Asked


def main(folder: Path) -> int:
    """Do what the order in a workplace says; the exit code."""
    workplace = Workplace(folder)
    order = Order.model_validate_json(workplace.order.read_bytes())
    # What measures costs is a process of its own, and takes its code from where this one has it.
    os.environ["PYTHONPATH"] = str(workplace.code.absolute())
    began = time.monotonic()
    try:
        metrics = _evaluate(order, workplace)
    except Exception as error:  # noqa: BLE001 - whatever it was, the runner is told
        told = SlipwayError(str(error), mend=error.mend) if isinstance(error, ServingError) else error
        failure.note(workplace, told)
        traceback.print_exc()
        return told.exit_code if isinstance(told, SlipwayError) else 1
    summary = Summary(steps=0, metrics=metrics, seconds=time.monotonic() - began)
    write_whole(workplace.summary, summary.model_dump_json(indent=1).encode())
    return 0


def _evaluate(order: Order, workplace: Workplace) -> dict[str, float]:
    """All files of the result; the metrics."""
    from slipway.training.gates.evaluating import evaluate
    from slipway.training.tasks import task_for

    journal = Journal(workplace.journal)
    metrics = evaluate(
        Bundle.open(workplace.reference(MANIFEST).parent),
        task_for(order.package, order.config[TASK]),
        Snapshot(order.snapshot),
        Asked.model_validate(order.config[ASKED]),
        workplace.results,
        journal,
    )
    journal.metrics(0, metrics)
    journal.close()
    return metrics


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
