"""What a model costs, measured as on a device: in a process of its own that loads the runtime and nothing else.

    python -m slipway.serving.runtime.measuring < question.json

The child loads one model, warms it, calls it, and tells latency, its whole peak memory and, where asked, its answers.
It has a limit of memory and of time, and may die: a model that exhausts the machine, loops for ever or brings the
runtime down is a finding (`ModelUnfit`) and touches nobody else. So this is also how a foreign model runs first.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from slipway.serving.bundle.arrays import read_arrays, write_arrays
from slipway.serving.bundle.contract import Contract
from slipway.serving.errors import SlipwayError
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.session import Arrays, Provider

MEBIBYTE: Final = 1024 * 1024
MEMORY_MB: Final = 4096
"""What a measured process may take."""
SECONDS: Final = 120.0
CALLS: Final = 60
_SHARE: Final = 0.5
"""Of its time that a child spends on calls; the rest is for loading and warming."""
_PROCESS_STATUS: Final = Path("/proc/self/status")


@dataclass(frozen=True)
class Limits:
    """When a measured process is ended."""

    seconds: float = SECONDS
    memory_mb: int = MEMORY_MB
    """Only of a model on the processor: drivers of accelerators reserve far more than they use."""


@dataclass(frozen=True)
class Measured:
    """What one model cost."""

    p50_ms: float
    p95_ms: float
    calls: int
    load_ms: float
    memory_mb: float
    """The most that the whole process ever had in memory, with interpreter and runtime."""
    runtime: str
    """Such as `onnxruntime 1.31.1`."""
    providers: tuple[str, ...]


def measure_apart(
    model: Path,
    contract: Contract,
    *,
    provider: Provider = "cpu",
    threads: int = 1,
    sizes: Mapping[str, int] | None = None,
    calls: int = CALLS,
    limits: Limits = Limits(),
) -> Measured:
    """Measure one model; `sizes` gives varying dimensions, such as the batch of a device class, a size."""
    question = {"sizes": dict(sizes or {}), "calls": calls}
    found = _ask(model, contract, provider, threads, limits, question)
    return Measured(**{**found, "providers": tuple(found["providers"])})


def answers_apart(
    model: Path,
    contract: Contract,
    inputs: Arrays,
    *,
    provider: Provider = "cpu",
    threads: int = 1,
    limits: Limits = Limits(),
) -> dict[str, Any]:
    """What a model answers, asked in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        given, answers = Path(folder, "given.npz"), Path(folder, "answers.npz")
        write_arrays(given, inputs)
        _ask(model, contract, provider, threads, limits, {"given": str(given), "answers": str(answers)})
        return read_arrays(answers)


def _ask(
    model: Path, contract: Contract, provider: Provider, threads: int, limits: Limits, question: Mapping[str, Any]
) -> dict[str, Any]:
    """Start a child, ask, and wait for its answer or its end."""
    asked = {
        **question,
        "model": str(model.absolute()),
        "contract": contract.model_dump(mode="json"),
        "provider": provider,
        "threads": threads,
        "seconds": limits.seconds,
        "memory_mb": limits.memory_mb,
    }
    child = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONSAFEPATH": "1"},
        start_new_session=True,
    )
    try:
        told, remarks = child.communicate(json.dumps(asked).encode(), timeout=limits.seconds)
    except subprocess.TimeoutExpired:
        raise ModelUnfit(f"{model.name} was not done after {limits.seconds:g} s.") from None
    finally:
        _end(child)
    return _answer(model, child.returncode, told, remarks)


def _answer(model: Path, code: int, told: bytes, remarks: bytes) -> dict[str, Any]:
    if code < 0:
        name = signal.Signals(-code).name
        raise ModelUnfit(f"{model.name} brought the process that ran it down ({name}).")
    try:
        found: dict[str, Any] = json.loads(told.splitlines()[-1])
    except (ValueError, IndexError):
        last = (remarks.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise ModelUnfit(f"{model.name} could not be run (exit code {code}): {last}") from None
    if problem := found.get("problem"):
        raise ModelUnfit(problem, mend=found.get("mend"))
    return found


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill what still runs, with whatever it has started."""
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    child.communicate()


def main() -> int:
    """The child: answer one question from standard input with one line of JSON."""
    question = json.loads(sys.stdin.buffer.read())
    try:
        found = _run(question)
    except SlipwayError as error:
        found = {"problem": str(error), "mend": error.mend}
    except MemoryError:
        found = {"problem": f"{Path(question['model']).name} needs more than {question['memory_mb']} MB."}
    print(json.dumps(found))  # noqa: T201 - that is how a child tells
    return 0


def _run(question: Mapping[str, Any]) -> dict[str, Any]:
    import onnxruntime

    from slipway.serving.runtime.inputs import seeded_inputs
    from slipway.serving.runtime.latencies import measure, warm
    from slipway.serving.runtime.session import open_session

    if question["provider"] == "cpu":
        _limit_memory(question["memory_mb"])
    contract = Contract.model_validate(question["contract"])
    begun = time.perf_counter()
    session = open_session(
        Path(question["model"]), contract, provider=question["provider"], threads=question["threads"]
    )
    load_ms = (time.perf_counter() - begun) * 1000
    if "answers" in question:
        write_arrays(Path(question["answers"]), session.run(read_arrays(Path(question["given"]))))
        return {}
    warm(session, contract, question["sizes"])
    inputs = seeded_inputs(contract, question["sizes"])
    latencies = measure(session, inputs, question["calls"], seconds=question["seconds"] * _SHARE)
    return {
        **asdict(latencies),
        "load_ms": load_ms,
        "memory_mb": peak_memory() / MEBIBYTE,
        "runtime": f"onnxruntime {onnxruntime.__version__}",
        "providers": list(session.providers),
    }


def peak_memory(process_status: Path = _PROCESS_STATUS) -> int:
    """The most that this process has ever had in memory, in bytes; 0 where the system does not tell."""
    try:
        text = process_status.read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    sizes = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:")]
    return int(sizes[0]) * 1024 if sizes else 0


def _limit_memory(megabytes: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (megabytes * MEBIBYTE, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.exit(main())
