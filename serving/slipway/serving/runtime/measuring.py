"""What a model costs, measured as on a device: in a process of its own that loads the runtime and nothing else.

The child loads one model, warms it, calls it, and tells latency, its whole peak memory and, where asked, its answers.
It has a limit of memory and of time, and may die: a model that exhausts the machine, loops for ever or brings the
runtime down is a finding (`ModelUnfit`) and touches nobody else; a full disk is none (`OSError`). So this is also how a
foreign model runs first.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from slipway.serving.bundle.arrays import read_arrays, write_arrays
from slipway.serving.bundle.contract import Contract
from slipway.serving.errors import SlipwayError
from slipway.serving.runtime.children import (
    MEBIBYTE,
    Ended,
    TookTooLong,
    TookTooMuch,
    end_with_owner,
    memory_told,
    run_child,
)
from slipway.serving.runtime.errors import DISK, Killed, ModelUnfit
from slipway.serving.runtime.session import Arrays, Provider, Session, Weighed

MEMORY_MB: Final = 4096
"""What a measured process may take."""
SECONDS: Final = 120.0
CALLS: Final = 60
FROM_OUTSIDE: Final = frozenset({"SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"})
"""Signals that no model gives itself; a limit that it runs into is told otherwise."""
_SHARE: Final = 0.5
"""Of its time that a child spends on calls; the rest is for loading and warming."""
_PROCESS_STATUS: Final = Path("/proc/self/status")


@dataclass(frozen=True)
class Limits:
    """When a measured process is ended."""

    seconds: float = SECONDS
    memory_mb: int = MEMORY_MB
    """On the processor what is reserved counts; elsewhere what is used, as drivers reserve far more than that."""


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
    question = {**_loading(model, contract, provider), "sizes": dict(sizes or {}), "calls": calls}
    found = ask_apart(model.name, question, limits, threads)
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
        question = {**_loading(model, contract, provider), "given": str(given), "answers": str(answers)}
        ask_apart(model.name, question, limits, threads)
        return read_arrays(answers)


def _loading(model: Path, contract: Contract, provider: Provider) -> dict[str, Any]:
    """What a child must know to open a session."""
    return {"model": str(model.absolute()), "contract": contract.model_dump(mode="json"), "provider": provider}


def ask_apart(name: str, question: Mapping[str, Any], limits: Limits, threads: int = 1) -> dict[str, Any]:
    """Start a child, ask, and wait for its answer or its end; `name` is that of the model in what is said."""
    asked = {**question, "threads": threads, "seconds": limits.seconds, "memory_mb": limits.memory_mb}
    try:
        ended = run_child(
            [sys.executable, "-m", __name__],
            json.dumps(asked).encode() + b"\n",
            seconds=limits.seconds,
            memory_mb=limits.memory_mb,
            environment={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONSAFEPATH": "1"},
            folder=Path("/"),  # Python 3.10 knows no safe path, and would import from where somebody works
        )
    except (TookTooLong, TookTooMuch) as error:
        raise ModelUnfit(f"{name} {error}.") from None
    return _answer(name, ended)


def _answer(name: str, ended: Ended) -> dict[str, Any]:
    if ended.signal in FROM_OUTSIDE:
        raise Killed(f"The process that ran {name} was ended from outside ({ended.signal}).")
    if ended.signal:
        raise ModelUnfit(f"{name} brought the process that ran it down ({ended.signal}).")
    try:
        found: dict[str, Any] = json.loads(ended.told.splitlines()[-1])
    except (ValueError, IndexError):
        raise ModelUnfit(f"{name} could not be run (exit code {ended.code}): {ended.last_words}") from None
    if found.get("errno") in DISK:
        raise OSError(found["errno"], f"{os.strerror(found['errno'])}, while {name} was tried")
    if problem := found.get("problem"):
        raise ModelUnfit(problem, mend=found.get("mend"))
    return found


def main() -> int:
    """The child: answer one question from standard input with one line of JSON."""
    question = json.loads(sys.stdin.buffer.readline())
    end_with_owner()
    try:
        found = _run(question)
    except SlipwayError as error:
        found = {"problem": str(error), "mend": error.mend}
    except OSError as error:
        found = {"problem": str(error), "errno": error.errno}
    except MemoryError:
        found = {"problem": f"{Path(question['model']).name} needs more than {question['memory_mb']} MB."}
    print(json.dumps(found))  # noqa: T201 - that is how a child tells
    return 0


def _run(question: Mapping[str, Any]) -> dict[str, Any]:
    if question["provider"] == "cpu":
        _limit_memory(question["memory_mb"])
    contract = Contract.model_validate(question["contract"])
    begun = time.perf_counter()
    session = _opened(question, contract)
    load_ms = (time.perf_counter() - begun) * 1000
    if "answers" in question:
        write_arrays(Path(question["answers"]), session.run(read_arrays(Path(question["given"]))))
        return {}
    if "bundle" not in question:
        return {**_measured(question, contract, session), "load_ms": load_ms}
    problems = _problems(question, session)
    try:
        return {**_measured(question, contract, session), "problems": problems, "load_ms": load_ms}
    except SlipwayError as error:  # which is not all that is wrong
        return {"problems": [*problems, str(error)]}


def _opened(question: Mapping[str, Any], contract: Contract) -> Session:
    from slipway.serving.runtime.session import open_engine, open_session

    if "engine" not in question:
        model = Path(question["model"])
        return open_session(model, contract, provider=question["provider"], threads=question["threads"])
    from slipway.serving.runtime.tensorrt.cache import recorded

    python = question["python"]
    return open_engine(recorded(Path(question["engine"])), contract, python=Path(python) if python else None)


def _problems(question: Mapping[str, Any], session: Session) -> list[str]:
    """What the golden check says."""
    from slipway.serving.bundle.folder import Bundle
    from slipway.serving.runtime.proving import prove

    return prove(Bundle.open(Path(question["bundle"])), question["variant"], session)


def _measured(question: Mapping[str, Any], contract: Contract, session: Session) -> dict[str, Any]:
    """Latencies of the quietest round, of as many as it takes to come below what is allowed, and memory."""
    from slipway.serving.runtime.inputs import seeded_inputs
    from slipway.serving.runtime.latencies import measure, warm

    warm(session, contract, question["sizes"])
    inputs = seeded_inputs(contract, question["sizes"])
    rounds, seconds = question.get("rounds", 1), question["seconds"] * _SHARE
    found = [measure(session, inputs, question["calls"], seconds=seconds / rounds)]
    while len(found) < rounds and found[-1].p95_ms > question["latency_ms"]:
        found.append(measure(session, inputs, question["calls"], seconds=seconds / rounds))
    elsewhere = session.device_memory() if isinstance(session, Weighed) else 0
    return {
        **asdict(min(found, key=lambda one: one.p95_ms)),
        "memory_mb": (peak_memory() + elsewhere) / MEBIBYTE,
        "runtime": _runtime(question),
        "providers": list(session.providers),
    }


def _runtime(question: Mapping[str, Any]) -> str:
    if "engine" in question:
        from slipway.serving.runtime.tensorrt.cache import recorded

        return recorded(Path(question["engine"])).told
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"


def peak_memory(process_status: Path = _PROCESS_STATUS) -> int:
    """The most that this process has ever had in memory, in bytes; 0 where the system does not tell."""
    return memory_told(process_status, "VmHWM")


def _limit_memory(megabytes: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (megabytes * MEBIBYTE, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.exit(main())
