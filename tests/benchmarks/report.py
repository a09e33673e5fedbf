"""What a bench run leaves behind: the machine, its load, the measured pairs; as JSON and as a Markdown table."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import Figures, Outcome, Samples
from slipway.platform.machine import cores, memory_limit

GIBIBYTE = 1024**3


@dataclass(frozen=True)
class Machine:
    """Where it was measured."""

    processor: str
    cores: int
    quota: float | None
    memory_gib: float
    python: str
    kernel: str

    def line(self) -> str:
        """The machine in words."""
        quota = "" if self.quota is None else f" (quota {self.quota:g})"
        return (
            f"{self.processor}, {self.cores} cores{quota}, {self.memory_gib:.1f} GiB, "
            f"Python {self.python}, Linux {self.kernel}"
        )


@dataclass(frozen=True)
class Run:
    """One bench run."""

    started: str
    machine: Machine
    threads: Mapping[str, str]
    load_before: tuple[float, float, float]
    load_after: tuple[float, float, float]
    outcomes: Sequence[Outcome]
    crashed: Sequence[str]


def this_machine() -> Machine:
    """Look at this machine."""
    found = cores()
    return Machine(
        processor=processor(Path("/proc/cpuinfo")),
        cores=found.schedulable,
        quota=found.quota,
        memory_gib=round(memory_limit() / GIBIBYTE, 1),
        python=platform.python_version(),
        kernel=platform.release(),
    )


def processor(cpuinfo: Path) -> str:
    """The processor's name; its architecture where the kernel tells no name."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def load_average() -> tuple[float, float, float]:
    """How busy the machine is, over 1, 5 and 15 minutes."""
    one, five, fifteen = os.getloadavg()
    return round(one, 2), round(five, 2), round(fifteen, 2)


def as_json(run: Run) -> dict[str, Any]:
    """Everything, with all samples."""
    outcomes = [
        {
            **asdict(outcome),
            "ours": _samples(outcome.ours),
            "reference": _samples(outcome.reference),
            "ratio": outcome.ratio,
            "met": outcome.met,
        }
        for outcome in run.outcomes
    ]
    return {**asdict(run), "outcomes": outcomes}


def as_markdown(run: Run) -> str:
    """A table for people, with the machine above it."""
    rows = [
        "| pair | ours | reference | ratio | goal | met |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        *(_row(outcome) for outcome in run.outcomes),
    ]
    load = f"load {run.load_before[0]} before, {run.load_after[0]} after"
    head = [f"{run.started} on {run.machine.line()}; {load}. Medians, least and greatest in brackets.", ""]
    crashes = ["", *(f"Crashed, nothing measured: {name}" for name in run.crashed)] if run.crashed else []
    return "\n".join([*head, *rows, *_figures(run.outcomes), *crashes]) + "\n"


def _row(outcome: Outcome) -> str:
    ours, reference = _cell(outcome.ours, outcome.unit), _cell(outcome.reference, outcome.unit)
    met = "yes" if outcome.met else "no"
    return f"| {outcome.name} | {ours} | {reference} | {outcome.ratio:.2f} | {outcome.goal:g} | {met} |"


def _figures(outcomes: Sequence[Outcome]) -> list[str]:
    """A table for what stands beside the pairs, where anything does; its columns are the pairs."""
    told = [outcome for outcome in outcomes if outcome.figures]
    if not told:
        return []
    names = dict.fromkeys(name for outcome in told for name in outcome.figures)
    rows = [f"| {name} | {' | '.join(_figure(outcome.figures, name) for outcome in told)} |" for name in names]
    columns = " | ".join(outcome.name.partition(":")[0] for outcome in told)
    return ["", f"| | {columns} |", f"| --- |{' ---: |' * len(told)}", *rows]


def _figure(figures: Figures, name: str) -> str:
    value = figures.get(name)
    if value is None:
        return "not known"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _cell(samples: Samples, unit: str) -> str:
    least, greatest = samples.spread
    return f"{samples.median:.3g} {unit} ({least:.3g} to {greatest:.3g})"


def _samples(samples: Samples) -> dict[str, Any]:
    return {"values": samples.values, "median": samples.median, "spread": samples.spread}
