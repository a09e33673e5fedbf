"""A scenario into a snapshot's folder: sessions side by side in processes, written in their order.

The same seed and version give the same bytes with any number of processes on any x86-64 machine. Days are independent
of each other: one more of them changes no sample of the others.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from slipway.platform.canonical import canonical
from slipway.platform.data.manifest import NAME as MANIFEST
from slipway.platform.data.manifest import Manifest, Provenance, read_manifest
from slipway.platform.data.rows import Identity
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.errors import WrongUse
from slipway.training.world.faults import Planted, plant
from slipway.training.world.fleet import Vehicle
from slipway.training.world.samples import samples
from slipway.training.world.scenarios import VERSION, Scenario, scenario_of
from slipway.training.world.sessions import plan

LICENCE = "CC0-1.0"

Progress = Callable[[str], None]


def render(name: str, target: Path, jobs: int = 1, progress: Progress = lambda _: None) -> Manifest:
    """Render a scenario into a folder, which is there as a whole at the end or not at all."""
    return render_scenario(scenario_of(name), target, jobs, progress)


def render_scenario(scenario: Scenario, target: Path, jobs: int = 1, progress: Progress = lambda _: None) -> Manifest:
    """As `render`, for a scenario that need not be a known one."""
    check_target(target)
    sessions = plan(scenario)
    told: dict[str, str] = {}
    vehicles = {one.identity: one for session in sessions for one in session.vehicles}
    seen: set[str] = set()
    with SnapshotWriter(target) as writer, _rendered(scenario, min(jobs, len(sessions))) as rendered:
        for number, planted in enumerate(rendered, 1):
            for sample, what in planted:
                name = writer.add(sample.data, sample.image, sample.boxes)
                seen |= {box.identity for box in sample.boxes if box.identity}
                if what:
                    told[name] = what
            progress(f"rendered {number} of {len(sessions)} sessions of {scenario.name}")
        for identity in sorted(seen):
            writer.add_identity(_identity(vehicles[identity]))
        return writer.finish([provenance(scenario, told)], LICENCE)


def check_target(target: Path) -> str | None:
    """Refuse a folder that holds anything but a snapshot; the digest of a snapshot that would be replaced."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return None
    if not target.is_dir() or not (target / MANIFEST).is_file():
        raise WrongUse(
            f"{target} is there and holds no snapshot: an empty folder, a snapshot or nothing was expected.",
            mend="Choose another folder, or move away what is in it.",
        )
    return read_manifest(target).digest


def provenance(scenario: Scenario, planted: dict[str, str]) -> Provenance:
    """Where the data came from; `planted` lists the samples that a fault has touched, by JSON."""
    detail: dict[str, str | int] = {"seed": scenario.seed, "version": VERSION}
    if planted:
        detail["planted"] = canonical(planted).decode()
    return Provenance(kind="world", source=scenario.snapshot, detail=detail)


def _identity(vehicle: Vehicle) -> Identity:
    extra = {"body": vehicle.body, "colour": vehicle.colour, "plate": vehicle.plate, "twin_of": vehicle.twin_of}
    return Identity(identity=vehicle.identity, category=vehicle.category, split=vehicle.split, extra=extra)


@contextmanager
def _rendered(scenario: Scenario, jobs: int) -> Iterator[Iterator[list[Planted]]]:
    """The samples of each session, in order; processes end with the block, whatever happens."""
    numbers = range(len(plan(scenario)))
    if jobs <= 1:
        yield (_session(scenario, number) for number in numbers)
        return
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _leave_interrupts_to_the_parent)
    try:
        yield pool.map(_session, [scenario] * len(numbers), numbers)
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal; only the parent answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _session(scenario: Scenario, number: int) -> list[Planted]:
    import cv2

    cv2.setNumThreads(1)
    return list(plant(scenario, samples(plan(scenario)[number]), number))
