"""Run every `bench_*.py` beside this file and write what was measured.

A bench is a module with a context manager `pairs` that yields its pairs. A missed goal is a result and no failure; a
bench that crashes is named and makes the exit code 1, after the others have run. Without `--json` the result goes to
`.slipway/bench/`; the table is printed in any case. What needs a GPU runs alone and only when it is asked for.
"""

import argparse
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from harness import Outcome, Pair, measure
from report import Run, as_json, as_markdown, load_average, this_machine
from slipway.platform.machine import cores

HERE = Path(__file__).resolve().parent
PARTNERS = HERE.parent / "partners"
RESULTS = HERE.parents[1] / ".slipway" / "bench"
PREFIX = "bench_"
GPU = "gpu"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Pairs = Callable[..., AbstractContextManager[Iterable[Pair]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write, print; 1 when a bench crashed."""
    names = sorted({path.stem.removeprefix(PREFIX) for path in HERE.glob(f"{PREFIX}*.py")} - {GPU})
    options = parser(names).parse_args(arguments)
    sys.path.append(str(PARTNERS))
    if options.gpu and (lacking := importlib.import_module(f"{GPU}_device").lacking(options.device)):
        print(f"bench-gpu: {lacking}")
        return 0
    run = run_benches([GPU], device=options.device) if options.gpu else run_benches(options.only or names)
    path = options.json or RESULTS / f"{run.started.replace(':', '')}.json"
    write(path, json.dumps(as_json(run), indent=2) + "\n")
    table = as_markdown(run)
    if options.markdown:
        write(options.markdown, table)
    print(f"\n{table}\nbench: written to {path}")
    for name in run.crashed:
        print(f"bench: {PREFIX}{name}.py crashed; its traceback is above.", file=sys.stderr)
    return 1 if run.crashed else 0


def parser(names: list[str]) -> argparse.ArgumentParser:
    """The options."""
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    top.add_argument("--gpu", action="store_true", help="measure training on this machine's GPU, and nothing else")
    top.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help=argparse.SUPPRESS)
    top.add_argument("--json", type=Path, metavar="PATH", help="write the result here")
    top.add_argument("--markdown", type=Path, metavar="PATH", help="write the table here as well")
    return top


def run_benches(names: Iterable[str], **given: str) -> Run:
    """Measure the pairs of the named benches, one after the other; what is given goes to each."""
    threads = set_threads()
    started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = load_average()
    outcomes: list[Outcome] = []
    crashed: list[str] = []
    for name in names:
        print(f"bench {name}", flush=True)
        try:
            outcomes += run_bench(importlib.import_module(f"{PREFIX}{name}").pairs, **given)
        except Exception:  # noqa: BLE001 - one bench that crashes must not hide what the others measured
            traceback.print_exc()
            crashed.append(name)
    return Run(started, this_machine(), threads, before, load_average(), outcomes, crashed)


def run_bench(pairs: Pairs, **given: str) -> list[Outcome]:
    """Measure one bench's pairs."""
    with pairs(**given) as found:
        return [measure(pair, progress=lambda text: print(f"  {text}", flush=True)) for pair in found]


def set_threads() -> dict[str, str]:
    """As many threads as cores are granted, here and in every child; whoever sets the variables decides."""
    for variable in THREADS:
        os.environ.setdefault(variable, str(cores().threads))
    return {variable: os.environ[variable] for variable in THREADS}


def write(path: Path, text: str) -> None:
    """A file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
