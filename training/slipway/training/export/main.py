"""The child's first function: read the order, make the bundle's files, and end with the code that says how it went."""

import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.platform.errors import SlipwayError
from slipway.platform.runs.journal import Journal
from slipway.platform.runs.workplace import Order, Summary, Workplace, write_whole
from slipway.serving.errors import SlipwayError as ServingError
from slipway.training.export.errors import ExportFailed
from slipway.training.export.wanted import WEIGHTS, Wanted
from slipway.training.fitting import failure

if TYPE_CHECKING:
    from slipway.training.export.engines import Engines
    from slipway.training.export.exporting import Exported


def main(folder: Path) -> int:
    """Do what the order in a workplace says; the exit code."""
    workplace = Workplace(folder)
    order = Order.model_validate_json(workplace.order.read_bytes())
    begin = time.monotonic()
    try:
        exported = _export(order, workplace)
    except Exception as error:  # noqa: BLE001 - whatever it was, the runner is told
        told = ExportFailed(str(error), mend=error.mend) if isinstance(error, ServingError) else error
        failure.note(workplace, told)
        traceback.print_exc()
        return told.exit_code if isinstance(told, SlipwayError) else 1
    summary = Summary(steps=0, metrics=exported.metrics, seconds=time.monotonic() - begin)
    write_whole(workplace.summary, summary.model_dump_json(indent=1).encode())
    return 0


def _export(order: Order, workplace: Workplace) -> "Exported":
    """The bundle's files, in the results."""
    from slipway.training.export.exporting import Given, export
    from slipway.training.reading.trusted import Trusted
    from slipway.training.tasks import task_for

    wanted = Wanted.model_validate(order.config)
    engines = _engines(wanted, order.cache)
    given = Given(
        wanted=wanted,
        model=order.model,
        weights=order.references[WEIGHTS],
        snapshot=Trusted(order.snapshot),
        engine=engines.try_one if engines else None,
    )
    journal = Journal(workplace.journal)
    stages = [*wanted.variants, *(f"engine of {one}" for one in wanted.engines)]
    telling = _Telling(journal, len(stages) + len(("network", "golden", "distributions", "manifest")))
    exported = export(given, task_for(order.package, wanted.training), workplace.results, telling)
    journal.metrics(0, exported.metrics)
    journal.close()
    return exported


def _engines(wanted: Wanted, cache: Path) -> "Engines | None":
    """What tries engines, where that was asked for."""
    from slipway.training.export.engines import Engines

    if wanted.tensorrt is None:
        return None
    timing = cache / "tensorrt" / f"{wanted.tensorrt.module}-{wanted.tensorrt.version}.timing"
    engines = Engines(wanted.tensorrt, wanted.export, timing)
    engines.check()
    return engines


class _Telling:
    """Says in the journal what is being done, and which of how many things it is."""

    def __init__(self, journal: Journal, of: int) -> None:
        self._journal, self._of, self._done = journal, of, 0

    def __call__(self, what: str) -> None:
        self._journal.write("progress", step=self._done, steps=self._of, phase=what)
        self._done += 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
